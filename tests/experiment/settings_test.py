import dataclasses
import shutil

from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.experiment.settings import settings, settings_hash
from tf_transfer.results import workdir


def fields(dataclass):
    return {field.name for field in dataclasses.fields(dataclass)}


def test_settings_change_with_every_field_that_changes_numbers_and_with_no_other(store):
    experiment = Experiment(store=store)
    other_precision = "float32"
    numbers = {
        "classes_a": ("cat",), "classes_b": ("bird",), "network": "tiny", "network_options": {"dropout": 0.5},
    }  # fmt: skip
    free = {
        "split": "explicit", "split_seeds": (1,), "images_per_class": (3,), "targets": ("A",), "treatments": ("AnB",),
        "layers": (3,), "seeds": (7,), "blocks": {"volumes": {"images_per_class": (3,)}},
        "expected_store": "imagenet2012",
        "metric": "top1_mean_best10", "cohort_size": 3, "fine_tuned_cohort_size": 2, "processes": 1,
            "deterministic": "yes", "checkpoint_minutes": 1.0, "checkpoint_steps": 7,
    }  # fmt: skip
    recipe = {
        "batch_size": 32, "epochs": 1.0, "steps": 10, "evaluations": 5, "learning_rate": 0.1,
        "learning_rate_schedule": "constant", "warmup_fraction": 0.1, "learning_rate_decay_steps": 5, "momentum": 0.5,
        "weight_decay": 0.1, "bias_learning_rate_multiplier": 2.0, "crop_padding": 4,
        "crop_size": 24, "random_flip": True, "normalisation": "mean image", "class_weights": "balanced",
        "precision": other_precision,
    }  # fmt: skip
    assert set(numbers) | set(free) | {"store", "source_store", "recipe"} == fields(Experiment)
    assert set(recipe) == fields(Recipe)
    for field, value in free.items():
        changed = dataclasses.replace(experiment, **{field: value})
        assert changed != experiment and settings_hash(changed) == settings_hash(experiment), field
    for field, value in numbers.items():
        assert settings_hash(dataclasses.replace(experiment, **{field: value})) != settings_hash(experiment), field
    for field, value in recipe.items():
        changed = dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, **{field: value}))
        assert settings_hash(changed) != settings_hash(experiment), field


def test_settings_know_a_store_by_its_content_and_not_by_its_path(store, tmp_path, redescribe):
    moved, edited = (shutil.copytree(store, tmp_path / name) for name in ("moved", "edited"))
    redescribe(moved, name="folder:moved", source="elsewhere")
    redescribe(edited, channel_mean=(0.0, 0.0, 0.0))
    original, moved, edited = (settings(Experiment(store=str(path))) for path in (store, moved, edited))
    assert original == moved != edited


def test_whole_numbers_of_epochs_are_the_same_settings_as_a_workdir_reads(store, tmp_path):
    whole = Experiment(store, recipe=Recipe(epochs=10, learning_rate=1, precision="float32"))
    workdir.write_config(tmp_path, whole)
    assert settings_hash(workdir.read_experiment(tmp_path)) == settings_hash(whole)
    same = Recipe(epochs=10.0, learning_rate=1.0, precision="float32")
    assert settings_hash(whole) == settings_hash(Experiment(store, recipe=same))
