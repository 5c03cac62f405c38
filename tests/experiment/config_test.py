import dataclasses
import json
import pathlib
import runpy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_transfer.experiment.config import OLD_NAMES, Experiment, Recipe
from tf_transfer.experiment.write_default_config import default_config

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"


def fields(dataclass):
    return {field.name for field in dataclasses.fields(dataclass)}


def test_the_default_config_is_written_from_the_fields():
    assert (CONFIGS / "default.py").read_text() == default_config()


def test_paths_of_stores(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    assert Experiment(store="~/stores/a b").store == "/home/ann/stores/a b"
    assert Experiment(store="./stores/x/").store == "./stores/x/"  # as it is written: workdirs are compared by it
    with pytest.raises(ValueError, match="source_store: 'gs://x' is no path of this machine"):
        Experiment(store="x", source_store="gs://x", split="data sets")


def test_default_config_has_exactly_the_fields_and_defaults_of_an_experiment():
    config = runpy.run_path(str(CONFIGS / "default.py"))["get_config"]().to_dict()
    assert set(config) == fields(Experiment)
    assert set(config["recipe"]) == fields(Recipe)
    assert Experiment.from_config({**config, "store": "here"}) == Experiment(store="here")


@pytest.mark.parametrize("name", sorted(file.name for file in CONFIGS.glob("*.py") if file.name != "default.py"))
def test_every_config_is_an_experiment(name, monkeypatch):
    monkeypatch.syspath_prepend(CONFIGS.parent)
    experiment = Experiment.from_config(runpy.run_path(str(CONFIGS / name))["get_config"]().to_dict())
    assert experiment.architecture(num_classes=10, image_size=32).parameters > 0


def test_what_is_written_as_json_is_read_back():
    experiment = Experiment(
        store="b",
        source_store="a",
        split="data sets",
        split_seeds=(3, 4),
        network_options={"filters": (1, 2, 3, 4, 5)},
        targets=("A", "B"),
        layers=(1, 7),
        recipe=Recipe(steps=100, learning_rate_schedule="step", learning_rate_decay_steps=50, random_flip=True),
    )
    written = json.dumps(experiment.to_json())
    assert Experiment.from_config(json.loads(written)) == experiment


def test_values_are_checked_and_made_alike_without_a_config_too():
    assert Experiment("here", layers=[1, 2]) == Experiment("here", layers=(1, 2))
    assert isinstance(Recipe(epochs=3).epochs, float)
    with pytest.raises(ValueError, match="^recipe.epochs: expected float, got str$"):
        Recipe(epochs="3")
    with pytest.raises(ValueError, match=r"^layers\[0\]: expected int, got str$"):
        Experiment("here", layers=("1",))


def test_unknown_and_missing_fields():
    with pytest.raises(ValueError, match="the config has no field 'colour'; configs/default.py lists them all"):
        Experiment.from_config({"store": "here", "colour": 1})
    with pytest.raises(ValueError, match="the config has no field 'recipe.rate'; configs/default.py lists them all"):
        Experiment.from_config({"store": "here", "recipe": {"rate": 1}})
    with pytest.raises(ValueError, match="no image store given"):
        Experiment.from_config({})


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"recipe": {"tests": 20}}, "recipe.tests is now called recipe.evaluations"),
        ({"finetuned_cohort_size": 1}, "finetuned_cohort_size is now called fine_tuned_cohort_size"),
        ({"blocks": {"mine": {"tests": 2}}}, "blocks.mine.tests is now called blocks.mine.evaluations"),
    ],
)
def test_old_names_are_told_the_new_ones(fields, message):
    with pytest.raises(ValueError, match=message):
        Experiment.from_config({"store": "here"} | fields)


def test_no_field_has_an_old_name():
    names = fields(Experiment) | fields(Recipe)
    assert not names & set(OLD_NAMES) and set(OLD_NAMES.values()) <= names


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"layers": 3}, r"^layers: expected a tuple such as \(1, 2\), got int$"),
        ({"seeds": (1.5,)}, r"^seeds\[0\]: expected int, got float$"),
        ({"cohort_size": True}, "^cohort_size: expected int, got bool$"),
        ({"recipe": {"random_flip": 1}}, "^recipe.random_flip: expected bool, got int$"),
        ({"recipe": 5}, "^recipe: expected object, got int$"),
        ({"network_options": []}, "^network_options: expected object, got array$"),
    ],
)
def test_values_of_other_types(fields, message):
    with pytest.raises(ValueError, match=message):
        Experiment.from_config({"store": "here"} | fields)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"store": ""}, "no image store given: set --config.store=PATH"),
        ({"split": "thirds"}, "unknown split 'thirds': expected one of .*'random', 'natural/man-made'"),
        ({"split": "data sets"}, "source_store and split='data sets' go together"),
        ({"source_store": "other"}, "source_store and split='data sets' go together"),
        ({"targets": ()}, r"targets must be some of \('A', 'B'\), got \(\)"),
        ({"targets": ("C",)}, r"targets must be some of \('A', 'B'\), got \('C',\)"),
        ({"seeds": ()}, r"seeds: expected array of length >= 1, got \(\)"),
        ({"seeds": (0, -1)}, r"seeds\[1\]: expected int >= 0, got \(0, -1\)"),
        ({"seeds": ("x",)}, r"seeds\[0\]: expected int, got str"),
        ({"split_seeds": (2**32,)}, r"split_seeds\[0\]: expected int <= 4294967295, got \(4294967296,\)"),
        ({"checkpoint_minutes": float("nan")}, "checkpoint_minutes: expected a finite number, got nan"),
        ({"split_seeds": (-1,)}, r"split_seeds\[0\]: expected int >= 0, got \(-1,\)"),
        ({"layers": ("abc",)}, r"layers\[0\]: expected int, got str"),
        ({"metric": "top5"}, "unknown metric 'top5': expected one of .*'top1_mean_best10'"),
        ({"cohort_size": 0}, "cohort_size: expected int >= 1, got 0"),
        ({"fine_tuned_cohort_size": 0}, "fine_tuned_cohort_size: expected int >= 1, got 0"),
        ({"processes": -1}, "processes: expected int >= 0, got -1"),
        ({"images_per_class": (-1,)}, r"images_per_class\[0\]: expected int >= 0, got \(-1,\)"),
        ({"images_per_class": 5}, r"images_per_class: expected a tuple such as \(1, 2\), got int"),
    ],
)
def test_what_an_experiment_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        Experiment.from_config({"store": "here", **changes})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"batch_size": 0}, "recipe.batch_size: expected int >= 1, got 0"),
        ({"batch_size": 10**8}, "recipe.batch_size: expected int <= 65536, got 100000000"),
        ({"steps": -1}, "recipe.steps: expected int >= 0, got -1"),
        ({"evaluations": 0}, "recipe.evaluations: expected int >= 1, got 0"),
        ({"crop_padding": -1}, "recipe.crop_padding: expected int >= 0, got -1"),
        ({"crop_size": -1}, "recipe.crop_size: expected int >= 0, got -1"),
        ({"epochs": 0.0}, "recipe.epochs must be above 0, or recipe.steps given; got 0 and 0"),
        ({"epochs": float("inf")}, "recipe.epochs: expected a finite number, got inf"),
        ({"warmup_fraction": 1.0}, "recipe.warmup_fraction: expected float < 1.0, got 1.0"),
        ({"learning_rate": float("nan")}, "recipe.learning_rate: expected a finite number, got nan"),
        ({"momentum": 1.0}, "recipe.momentum: expected float < 1.0, got 1.0"),
        ({"weight_decay": -0.1}, "recipe.weight_decay: expected float >= 0.0, got -0.1"),
        (
            {"learning_rate_schedule": "step"},
            "recipe.learning_rate_schedule='step' needs recipe.learning_rate_decay_steps",
        ),
        (
            {"learning_rate_schedule": "line"},
            "unknown recipe.learning_rate_schedule 'line': expected one of .*'cosine'",
        ),
        ({"normalisation": "none"}, "unknown recipe.normalisation 'none': expected one of .*'mean image'"),
        ({"precision": "float8"}, "unknown recipe.precision 'float8': expected one of .*'float32'"),
    ],
)
def test_what_a_recipe_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)


def test_steps_are_a_whole_number_of_intervals_between_tests():
    recipe = Recipe(batch_size=64, epochs=12.0, evaluations=20)
    assert recipe.steps_per_evaluation(25_000) == 234  # 12 x 25000 / 64 = 4687.5 steps
    assert recipe.num_steps(25_000) == 4680
    assert Recipe(steps=100, evaluations=20).num_steps(25_000) == 100
    assert Recipe(epochs=0.0, steps=3, evaluations=20).num_steps(25_000) == 20  # one step a test is the least


@given(num_images=st.integers(1, 10**6), batch_size=st.integers(1, 512), tests=st.integers(1, 50))
def test_steps_are_as_near_to_the_epochs_as_can_be(num_images, batch_size, tests):
    recipe = Recipe(batch_size=batch_size, epochs=10.0, evaluations=tests)
    steps, wanted = recipe.num_steps(num_images), 10 * num_images / batch_size
    assert steps % tests == 0
    assert abs(steps - wanted) <= tests / 2 + 0.5 or steps == tests


def test_blocks_share_what_they_do_not_set(store):
    blocks = {"volumes": {"split": "all", "treatments": (), "images_per_class": (1, 2), "steps": 7}, "rest": {}}
    experiment = Experiment(store=store, layers=(1, 2), blocks=blocks)
    volumes, rest = experiment.all_blocks().values()
    assert (volumes.split, volumes.images_per_class, volumes.steps, volumes.layers) == ("all", (1, 2), 7, (1, 2))
    assert rest == Experiment(store=store, layers=(1, 2)).all_blocks()[""]
    assert Experiment.from_config(experiment.to_json()) == experiment


@pytest.mark.parametrize(
    "block, message",
    [
        (
            {"network": "tiny"},
            "no field 'blocks.mine.network'; a block can set split, split_seeds, .*steps",
        ),
        ({"split": "thirds"}, "blocks.mine: unknown split 'thirds'"),
        ({"steps": -1}, "blocks.mine: steps: expected int >= 0, got -1"),
        ({"split": "data sets"}, "source_store and split='data sets' go together"),
    ],
)
def test_what_a_block_refuses(block, message):
    with pytest.raises(ValueError, match=message):
        Experiment.from_config({"store": "here", "blocks": {"mine": block}})
