"""Stochastic gradient descent as the paper's authors ran it (Caffe's solver)."""

from __future__ import annotations

import math

import keras

from tf_transfer.experiment.config import Recipe


@keras.saving.register_keras_serializable("tf_transfer")
class MomentumSGD(keras.optimizers.SGD):
    """SGD with weight decay in the gradient, before the momentum, and with settings of its own for biases.

    V <- momentum * V - rate * (gradient + decay * W);  W <- W + V.
    A bias takes `bias_rate` times the rate and no decay. (Keras's own `weight_decay` is decoupled.)

    Args:
      learning_rate: A number or a `LearningRateSchedule`.
      momentum: Momentum in [0, 1).
      l2: Weight decay of everything that is not a bias.
      bias_rate: Factor on the learning rate of biases; 2 in the paper.
      **kwargs: Passed on to `keras.optimizers.SGD`.
    """

    def __init__(self, learning_rate=0.01, momentum=0.9, l2=0.0, bias_rate=1.0, name="momentum_sgd", **kwargs):
        super().__init__(learning_rate=learning_rate, momentum=momentum, name=name, **kwargs)
        self.l2 = l2
        self.bias_rate = bias_rate

    def build(self, variables):
        """Creates the state of each variable, and remembers which belongs to which."""
        super().build(variables)
        if self._has_fused_update:
            pairs = zip(variables, self.momentums, strict=True)
            self._momentum_of = {variable.value.ref(): momentum for variable, momentum in pairs}

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable; those of rank 1 are biases."""
        if len(variable.shape) == 1:
            learning_rate = learning_rate * self.bias_rate
        elif self.l2:
            gradient = keras.ops.add(gradient, keras.ops.cast(variable, gradient.dtype) * self.l2)
        if self._has_fused_update:
            self._fused_update(gradient, variable, learning_rate)
        else:
            super().update_step(gradient, variable, learning_rate)

    @property
    def _has_fused_update(self) -> bool:
        return keras.backend.backend() == "tensorflow" and bool(self.momentum) and not self.nesterov

    def _fused_update(self, gradient, variable, learning_rate) -> None:
        """The same update in one operation of TensorFlow instead of six, which matters for small networks."""
        import tensorflow as tf  # not needed under another backend

        momentum = self._momentum_of[variable.ref()].value
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=momentum.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"l2": self.l2, "bias_rate": self.bias_rate}


@keras.saving.register_keras_serializable("tf_transfer")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise from 0 to the peak, then half a cosine down to 0.

    Args:
      peak: The highest learning rate.
      num_steps: Steps in all.
      warmup_steps: Steps of the rise.
    """

    def __init__(self, peak: float, num_steps: int, warmup_steps: int):
        self.peak, self.num_steps, self.warmup_steps = peak, num_steps, warmup_steps

    def __call__(self, step):
        """Returns the learning rate of a step, a float32 scalar."""
        step = keras.ops.cast(step, "float32") + 1.0  # so that the first step is not 0
        rise = step / max(1, self.warmup_steps)
        progress = (step - self.warmup_steps) / max(1, self.num_steps - self.warmup_steps)
        fall = 0.5 * (1.0 + keras.ops.cos(math.pi * keras.ops.clip(progress, 0.0, 1.0)))
        return self.peak * keras.ops.minimum(rise, fall)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"peak": self.peak, "num_steps": self.num_steps, "warmup_steps": self.warmup_steps}


def build_optimizer(recipe: Recipe, num_steps: int) -> MomentumSGD:
    """Builds a new optimizer for a training of `num_steps` steps."""
    schedules = keras.optimizers.schedules
    rate: float | keras.optimizers.schedules.LearningRateSchedule
    if recipe.learning_rate_schedule == "cosine":
        rate = WarmupCosine(recipe.learning_rate, num_steps, round(recipe.warmup_fraction * num_steps))
    elif recipe.learning_rate_schedule == "step":
        rate = schedules.ExponentialDecay(recipe.learning_rate, recipe.learning_rate_decay_steps, 0.1, staircase=True)
    else:
        rate = recipe.learning_rate
    return MomentumSGD(rate, recipe.momentum, l2=recipe.weight_decay, bias_rate=recipe.bias_learning_rate_multiplier)
