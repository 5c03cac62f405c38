import keras
import numpy as np
import pytest

from tf_transfer.experiment.config import Recipe
from tf_transfer.training.optimizers import MomentumSGD, WarmupCosine, build_optimizer

KERNEL = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
BIAS = np.array([0.5, -1.0], np.float32)


def gradients(step):
    rng = np.random.default_rng(step)
    return rng.normal(size=KERNEL.shape).astype(np.float32), rng.normal(size=BIAS.shape).astype(np.float32)


def caffe(rates, momentum, l2, bias_rate):
    """Kernel and bias after steps of Caffe's rule: V <- m V - rate (g + l2 W); W <- W + V."""
    kernel, bias = KERNEL.astype(np.float64), BIAS.astype(np.float64)
    kernel_velocity, bias_velocity = np.zeros_like(kernel), np.zeros_like(bias)
    for step, rate in enumerate(rates):
        kernel_gradient, bias_gradient = gradients(step)
        kernel_velocity = momentum * kernel_velocity - rate * (kernel_gradient + l2 * kernel)
        bias_velocity = momentum * bias_velocity - bias_rate * rate * bias_gradient
        kernel, bias = kernel + kernel_velocity, bias + bias_velocity
    return kernel, bias


def trained(optimizer, steps):
    kernel, bias = keras.Variable(KERNEL), keras.Variable(BIAS)
    optimizer.build([kernel, bias])
    for step in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in gradients(step)])
    return kernel.numpy(), bias.numpy()


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize("bias_rate", [1.0, 2.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_caffe(momentum, l2, bias_rate):
    kernel, bias = trained(MomentumSGD(0.05, momentum, l2=l2, bias_rate=bias_rate), steps=6)
    expected_kernel, expected_bias = caffe([0.05] * 6, momentum, l2, bias_rate)
    np.testing.assert_allclose(kernel, expected_kernel, rtol=1e-5)
    np.testing.assert_allclose(bias, expected_bias, rtol=1e-5)


def test_two_steps_by_hand():
    # V1 = -0.1 (1 + 0.5 * 2) = -0.2, W1 = 1.8;  V2 = 0.5 * -0.2 - 0.1 (1 + 0.5 * 1.8) = -0.29, W2 = 1.51
    # bias: V1 = -2 * 0.1 * 1 = -0.2, b1 = 1.8;   V2 = 0.5 * -0.2 - 2 * 0.1 * 1 = -0.3, b2 = 1.5
    kernel, bias = keras.Variable([[2.0]]), keras.Variable([2.0])
    optimizer = MomentumSGD(0.1, momentum=0.5, l2=0.5, bias_rate=2.0)
    for expected_kernel, expected_bias in ((1.8, 1.8), (1.51, 1.5)):
        optimizer.apply([keras.ops.ones((1, 1)), keras.ops.ones(1)], [kernel, bias])
        assert kernel.numpy().item() == pytest.approx(expected_kernel)
        assert bias.numpy().item() == pytest.approx(expected_bias)


def test_the_rate_of_a_step_schedule_enters_before_the_momentum():
    recipe = Recipe(
        learning_rate_schedule="step",
        learning_rate_decay_steps=2,
        learning_rate=0.1,
        weight_decay=0.01,
        bias_learning_rate_multiplier=2.0,
    )
    kernel, bias = trained(build_optimizer(recipe, num_steps=5), steps=5)
    expected_kernel, expected_bias = caffe([0.1, 0.1, 0.01, 0.01, 0.001], 0.9, 0.01, 2.0)
    np.testing.assert_allclose(kernel, expected_kernel, rtol=1e-5)
    np.testing.assert_allclose(bias, expected_bias, rtol=1e-5)


def test_steps_above_frozen_layers_are_those_of_caffe():
    rng = np.random.default_rng(0)
    frozen, hidden, last = (keras.layers.Dense(units, bias_initializer="ones") for units in (4, 3, 2))
    frozen.trainable = False
    model = keras.Sequential([keras.Input((5,)), frozen, keras.layers.ReLU(), hidden, last])
    recipe = Recipe(
        learning_rate_schedule="step",
        learning_rate_decay_steps=3,
        learning_rate=0.05,
        weight_decay=0.1,
        bias_learning_rate_multiplier=2.0,
    )
    model.compile(build_optimizer(recipe, num_steps=5), loss="mse", jit_compile=False)
    before = model.get_weights()
    weights = [array.astype(np.float64) for array in before]
    velocities = [np.zeros_like(array) for array in weights]
    for rate in (0.05, 0.05, 0.05, 0.005, 0.005):
        inputs, targets = (rng.normal(size=(6, size)).astype(np.float32) for size in (5, 2))
        model.train_on_batch(inputs, targets)
        kernel, bias, *_, last_kernel, last_bias = weights
        features = np.maximum(inputs @ kernel + bias, 0)
        between = features @ weights[2] + weights[3]
        upstream = 2 * (between @ last_kernel + last_bias - targets) / targets.size  # of the mean squared error
        downstream = upstream @ last_kernel.T
        slopes = [features.T @ downstream, downstream.sum(0), between.T @ upstream, upstream.sum(0)]
        for number, slope in enumerate(slopes, start=2):
            is_bias = weights[number].ndim == 1
            change = 2 * slope if is_bias else slope + 0.1 * weights[number]
            velocities[number] = 0.9 * velocities[number] - rate * change
            weights[number] = weights[number] + velocities[number]
    after = model.get_weights()
    for number in (0, 1):
        np.testing.assert_array_equal(after[number], before[number])
    for number in (2, 3, 4, 5):
        np.testing.assert_allclose(after[number], weights[number], rtol=1e-4, atol=1e-6)
        assert not np.allclose(after[number], before[number], atol=0.01)


def test_warmup_cosine_rises_in_a_line_and_falls_to_0():
    schedule = WarmupCosine(peak=0.8, num_steps=8, warmup_steps=4)
    rates = [float(schedule(step)) for step in range(8)]
    root = 2**0.5
    falling = [0.4 * (1 + root / 2), 0.4, 0.4 * (1 - root / 2), 0.0]  # after 1/4, 2/4, 3/4 and 4/4 of half a cosine
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, *falling], abs=1e-6)


def test_warmup_cosine_without_warmup_only_falls():
    schedule = WarmupCosine(peak=1.0, num_steps=4, warmup_steps=0)
    assert float(schedule(0)) == pytest.approx(0.5 * (1 + 0.5**0.5))
    assert float(schedule(1)) == pytest.approx(0.5)
    assert float(schedule(100)) == 0.0


@pytest.mark.parametrize(
    ("recipe", "rates"),
    [
        (Recipe(learning_rate_schedule="constant", learning_rate=0.3), {0: 0.3, 199: 0.3}),
        (
            Recipe(learning_rate_schedule="step", learning_rate_decay_steps=100, learning_rate=0.5),
            {0: 0.5, 99: 0.5, 100: 0.05, 250: 0.005},
        ),
        (
            Recipe(learning_rate_schedule="cosine", warmup_fraction=0.1, learning_rate=0.4),
            {0: 0.02, 9: 0.2, 19: 0.4, 109: 0.2, 199: 0.0},
        ),
    ],
)
def test_schedules_of_a_recipe_of_200_steps(recipe, rates):
    optimizer = build_optimizer(recipe, num_steps=200)
    optimizer.build([keras.Variable([1.0])])
    for step, rate in rates.items():
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-6)


def test_optimizer_of_a_recipe_takes_its_numbers():
    optimizer = build_optimizer(
        Recipe(momentum=0.7, weight_decay=0.01, bias_learning_rate_multiplier=2.0), num_steps=10
    )
    assert (optimizer.momentum, optimizer.l2, optimizer.bias_rate) == (0.7, 0.01, 2.0)
    assert optimizer.clipnorm is optimizer.global_clipnorm is optimizer.weight_decay is None  # networks of a cohort


def test_optimizer_and_schedule_survive_serialisation():
    optimizer = build_optimizer(Recipe(bias_learning_rate_multiplier=2.0), num_steps=40)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert isinstance(again, MomentumSGD) and again.bias_rate == 2.0
