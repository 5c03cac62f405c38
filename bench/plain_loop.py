"""The plain way to run an experiment: build, compile and fit each network in turn, in float32, from arrays in memory.

python -m bench.plain_loop WORKDIR OUT     (WORKDIR holds the config.json of a sweep of the same experiment)
"""

from __future__ import annotations

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported

import keras
import numpy as np

from tf_transfer.data import image_store
from tf_transfer.experiment.class_splits import remap
from tf_transfer.experiment.layer_tables import Architecture
from tf_transfer.experiment.plan import Plan, Run, make_plan
from tf_transfer.experiment.tasks import Task
from tf_transfer.experiment.treatments import NEW
from tf_transfer.results import workdir
from tf_transfer.training import optimizers


def build(architecture: Architecture) -> keras.Model:
    """Builds `convnet` from Keras's layers, as one would write it down."""
    model = keras.Sequential([keras.Input((architecture.input_size, architecture.input_size, 3))])
    for number, layer in enumerate(architecture.layers, start=1):
        activation = "relu" if layer.relu else None
        if layer.kind == "conv":
            conv = keras.layers.Conv2D(
                layer.units, layer.kernel, layer.stride, layer.padding, activation=activation,
                kernel_initializer="he_normal", name=f"layer{number}",
            )  # fmt: skip
            model.add(conv)
        else:
            if len(model.output_shape) > 2:
                model.add(keras.layers.Flatten())
            dense = keras.layers.Dense(
                layer.units, activation=activation, kernel_initializer="he_normal", name=f"layer{number}"
            )
            model.add(dense)
        if layer.pool_size:
            model.add(keras.layers.MaxPooling2D(layer.pool_size, layer.pool_stride, padding=layer.padding))
        if layer.dropout:
            model.add(keras.layers.Dropout(layer.dropout))
    return model


def arrays(task: Task, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Reads all images of a task, standardised, float32 [images, height, width, 3], and their labels."""
    store = image_store.ImageStore(task.store)
    indices = store.indices(split, task.classes)
    images = (store.read(split, indices) - np.float32(store.meta.channel_mean)) / np.float32(store.meta.channel_std)
    return images.astype(np.float32), remap(store.labels(split)[indices], task.classes)


def prepare(run: Run, plan: Plan, source: list[list[np.ndarray]]) -> keras.Model:
    """Builds a run's network, copies the layers that it takes from `source`, its base's, freezes and compiles."""
    model = build(plan.architecture(run))
    for number, layer in enumerate(run.treatment.layers(len(plan.architecture(run))), start=1):
        block = model.get_layer(f"layer{number}")
        if layer.origin != NEW and source:
            block.set_weights(source[number - 1])
        block.trainable = layer.learns
    model.compile(
        optimizers.build_optimizer(plan.recipe(run), plan.num_steps(run)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def train_all(directory: str, out: pathlib.Path) -> None:
    """Trains every run of the experiment and writes which test images it got right to `out/NAME.npy`."""
    plan = make_plan(workdir.read_experiment(directory))
    bases: dict[str, list[list[np.ndarray]]] = {}
    for run in plan.runs:
        task, recipe = plan.task(run, run.treatment.target), plan.recipe(run)
        train, test = arrays(task, "train"), arrays(task, "test")
        keras.utils.set_random_seed(run.seed)
        model = prepare(run, plan, bases[run.base.name] if run.base else [])
        model.fit(*train, recipe.batch_size, epochs=recipe.evaluations, validation_data=test, verbose=0)
        if run.treatment.is_base:
            numbers = range(1, len(plan.architecture(run)) + 1)
            bases[run.name] = [model.get_layer(f"layer{number}").get_weights() for number in numbers]
        np.save(out / f"{run.name}.npy", model.predict(test[0], verbose=0).argmax(-1) == test[1])


if __name__ == "__main__":
    train_all(sys.argv[1], pathlib.Path(sys.argv[2]))
