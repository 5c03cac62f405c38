import dataclasses
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_transfer.experiment.class_splits import ClassSplit, random_halves
from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.experiment.plan import Run, make_cohort, make_plan, parse_run
from tf_transfer.experiment.treatments import parse


def names(runs):
    return [run.treatment.name for run in runs]


def test_the_37_runs_of_one_pair_of_halves(store):
    plan = make_plan(Experiment(store=store))
    expected = ["baseB", "baseA"]
    for name in ("B{}B", "B{}B+", "A{}B", "A{}B+", "R{}B"):
        expected += [name.format(n) for n in range(1, 8)]
    assert names(plan.runs) == expected
    assert len({run.name for run in plan.runs}) == 37
    assert plan.runs[0].name == "baseB_random-0_seed-0"


def test_cohorts_of_the_37_runs(store):
    plan = make_plan(Experiment(store=store))
    fine_tuned = {f"random-0_seed-0_{source}{n}B+": 1 for source in "AB" for n in range(1, 8)}
    assert {cohort.name: len(cohort.runs) for cohort in plan.cohorts} == fine_tuned | {
        "random-0_seed-0_baseA": 1,
        "random-0_seed-0_baseB": 1,
        "random-0_seed-0_A1-7B": 7,
        "random-0_seed-0_B1-7B": 7,
        "random-0_seed-0_R1-7B": 7,
    }
    assert [cohort.name for cohort in plan.cohorts[:2]] == ["random-0_seed-0_baseA", "random-0_seed-0_baseB"]
    costs = [plan.cohort_flops(cohort) for cohort in plan.cohorts[2:]]
    assert costs == sorted(costs, reverse=True)


def test_a_cohort_of_two_families_is_named_after_both(store):
    plan = make_plan(Experiment(store=store, cohort_size=14, treatments=("AnB", "BnB")))
    assert plan.cohorts[-1].name == "random-0_seed-0_A1-7B,B1-7B"


def test_both_directions(store):
    plan = make_plan(Experiment(store=store, targets=("A", "B"), layers=(1, 2)))
    assert names(plan.runs)[:2] == ["baseA", "baseB"]
    assert names(plan.runs)[2:12] == ["A1A", "A2A", "A1A+", "A2A+", "B1A", "B2A", "B1A+", "B2A+", "R1A", "R2A"]
    assert len(plan.runs) == 2 + 2 * 10


def test_every_split_and_seed_has_runs_of_its_own(store):
    plan = make_plan(Experiment(store=store, split_seeds=(0, 1, 2), seeds=(0, 1)))
    assert len(plan.runs) == len({run.name for run in plan.runs}) == 37 * 3 * 2
    assert {(str(run.split), run.seed) for run in plan.runs} == {(f"random-{s}", t) for s in range(3) for t in range(2)}


def test_only_bases_that_are_needed_are_trained(store):
    assert names(make_plan(Experiment(store=store, treatments=("RnB",), layers=(4,))).runs) == ["baseB", "R4B"]
    assert names(make_plan(Experiment(store=store, treatments=())).runs) == ["baseB"]


def test_preserved_layers_stay_below_the_classifier(store):
    plan = make_plan(Experiment(store=store, treatments=("AnB-preserve2",)))
    assert names(plan.runs)[2:] == [f"A{n}B-preserve2" for n in range(1, 6)]
    plan = make_plan(Experiment(store=store, treatments=("AnB-preserve2", "AnB"), layers=(5, 6)))
    assert names(plan.runs)[2:] == ["A5B-preserve2", "A5B", "A6B"]
    with pytest.raises(ValueError, match=r"AnB-preserve2: n must lie in 1..5 for convnet, got \(6, 7\)"):
        make_plan(Experiment(store=store, treatments=("AnB-preserve2",), layers=(6, 7)))


def test_the_base_that_a_run_copies():
    def base(name):
        needed = Run(parse(name), ClassSplit("random", 3), 1).base
        return needed and needed.name

    assert base("A3B+") == "baseA_random-3_seed-1"
    assert base("B3B") == "baseB_random-3_seed-1"
    assert base("R3B") is None and base("baseB") is None


@settings(max_examples=20, deadline=None)
@given(
    cohort_size=st.sampled_from([1, 7, 14, 21]) | st.integers(1, 40),
    fine_tuned_cohort_size=st.integers(1, 40),
    targets=st.sampled_from([("B",), ("A", "B")]),
    split_seeds=st.sampled_from([(0,), (0, 4)]),
)
def test_cohorts(store, cohort_size, fine_tuned_cohort_size, targets, split_seeds):
    sizes = {"cohort_size": cohort_size, "fine_tuned_cohort_size": fine_tuned_cohort_size}
    plan = make_plan(Experiment(store=store, targets=targets, split_seeds=split_seeds, **sizes))
    assert sorted(run.name for cohort in plan.cohorts for run in cohort.runs) == sorted(run.name for run in plan.runs)
    assert len({cohort.name for cohort in plan.cohorts}) == len(plan.cohorts)
    finished = set()
    for cohort in plan.cohorts:
        assert cohort.needs <= finished
        finished |= set(cohort.runs)
        alike = {(run.split, run.seed, run.treatment.target, run.treatment.num_frozen > 0) for run in cohort.runs}
        assert len(alike) == 1
        assert len(cohort.runs) <= (cohort_size if cohort.runs[0].treatment.num_frozen else fine_tuned_cohort_size)


def test_flops_of_a_cohort_counted_by_hand(store):
    recipe = Recipe(batch_size=10, steps=20, evaluations=4)
    plan = make_plan(Experiment(store=store, network="tiny", treatments=("AnB", "BnB", "AnB+"), recipe=recipe))
    one, two, three = (cost.flops for cost in plan.architecture(plan.runs[0]).costs())  # forward, one image

    def cohort(*treatments):
        return make_cohort([Run(parse(name), ClassSplit("random", 0), 0) for name in treatments])

    def flops(*treatments):
        return plan.cohort_flops(cohort(*treatments)) / (10 * 20)

    # Forward once, and backward as much for the weights and as much for the inputs, those of the image excepted.
    assert flops("baseB") == flops("A1B+") == flops("A2B+") == 3 * (one + two + three) - one
    assert flops("A1B") == one + 3 * (two + three) - two
    assert flops("A2B") == one + two + 2 * three
    # The frozen layers of one source are computed once.
    assert flops("A1B", "A2B") == flops("A2B", "A1B") == flops("A1B") + flops("A2B") - one
    assert flops("A1B", "B2B") == flops("A1B") + flops("B2B")


@settings(max_examples=20, deadline=None)
@given(chosen=st.sets(st.integers(2, 36), min_size=1))
def test_a_cohort_costs_no_more_than_its_runs_alone(store, chosen):
    plan = make_plan(Experiment(store=store))
    runs = [plan.runs[number] for number in sorted(chosen)]
    alone = [plan.cohort_flops(make_cohort([run])) for run in runs]
    together = plan.cohort_flops(make_cohort(runs))
    assert max(alone) <= together <= sum(alone)


def test_blocks_are_planned_together(store):
    blocks = {
        "halves": {"treatments": ("AnB",), "layers": (1,), "targets": ("A", "B")},
        "selffer": {"treatments": ("BnB",), "layers": (1,)},
        "volumes": {"split": "all", "treatments": (), "images_per_class": (5, 12), "steps": 40, "evaluations": 2},
        "whole": {"split": "all", "treatments": ("RnB",), "layers": (3,)},
    }
    plan = make_plan(Experiment(store=store, recipe=Recipe(steps=100, evaluations=10), blocks=blocks))
    assert {name: [run.name.replace("_seed-0", "") for run in runs] for name, runs in plan.blocks.items()} == {
        "halves": ["baseA_random-0", "baseB_random-0", "B1A_random-0", "A1B_random-0"],
        "selffer": ["B1B_random-0"],  # its base is one of the halves'
        "volumes": ["baseB_all_images-5", "baseB_all_images-12"],
        "whole": ["baseB_all", "R3B_all"],
    }
    assert sorted(run.name for run in plan.runs) == sorted(run.name for runs in plan.blocks.values() for run in runs)
    few, whole = parse_run("baseB_all_seed-0_images-5"), parse_run("baseB_all_seed-0")
    assert (plan.num_steps(few), plan.recipe(few).evaluations, plan.task(few, "B").num_images()) == (40, 2, 30)
    assert (plan.num_steps(whole), plan.recipe(whole).evaluations, plan.task(whole, "B").num_images()) == (100, 10, 72)
    assert {cohort.name for cohort in plan.cohorts} == {
        "random-0_seed-0_baseA", "random-0_seed-0_baseB", "random-0_seed-0_A1B,B1B", "random-0_seed-0_B1A",
        "all_seed-0_baseB", "all_seed-0_images-5_baseB", "all_seed-0_images-12_baseB", "all_seed-0_R3B",
    }  # fmt: skip


def test_limited_networks_copy_from_limited_bases(store):
    plan = make_plan(Experiment(store=store, treatments=("AnB",), layers=(1,), images_per_class=(0, 6)))
    assert {run.name: run.base.name for run in plan.runs if run.base} == {
        "A1B_random-0_seed-0": "baseA_random-0_seed-0",
        "A1B_random-0_seed-0_images-6": "baseA_random-0_seed-0_images-6",
    }


def test_classes_with_fewer_images_than_the_limit_are_named(store, tmp_path, redescribe):
    uneven = shutil.copytree(store, tmp_path / "uneven")
    redescribe(uneven, images_per_class={"train": (12, 12, 12, 12, 3, 2), "test": (4,) * 6})
    volumes = {"split": "all", "treatments": (), "images_per_class": (2, 12)}
    (shortfall,) = make_plan(Experiment(store=str(uneven), **volumes)).shortfalls
    assert "images_per_class=12: 2 of 6 classes of " in shortfall and shortfall.endswith(": truck 2, train 3")
    assert not make_plan(Experiment(store=store, **volumes)).shortfalls


def test_blocks_that_disagree_about_a_network(store):
    blocks = {"short": {"steps": 20}, "long": {"treatments": ("RnB",)}}
    with pytest.raises(
        ValueError, match="blocks 'short' and 'long' both ask for baseB_random-0_seed-0, with different"
    ):
        make_plan(Experiment(store=store, blocks=blocks))


@pytest.mark.parametrize(
    "name", ["A3B+_random-12_seed-4", "baseB_all_seed-0_images-25", "A1B-preserve2_explicit_seed-1"]
)
def test_run_names_are_read_back(name):
    assert parse_run(name).name == name


@pytest.mark.parametrize("name", ["A3B", "A3B_random-0", "A3B_random-0_seed-x", "A3B_random-0_seed-0_images-"])
def test_what_is_no_run_name(name):
    with pytest.raises(ValueError, match="is not the name of a run: expected one such as A3B[+]_random-0_seed-0"):
        parse_run(name)


@pytest.mark.parametrize("name", ["A3B_random-0_seed-00", "baseB_all_seed-0_images-0"])
def test_a_run_has_one_name(name):
    with pytest.raises(ValueError, match="is not the name of a run: expected .*_seed-0$"):
        parse_run(name)


def test_steps_follow_the_target_s_images(store):
    recipe = Recipe(batch_size=4, epochs=2.0, evaluations=1)
    classes = {"classes_a": ("cat", "ship"), "classes_b": ("bird", "deer", "truck")}
    experiment = Experiment(store=store, split="explicit", recipe=recipe, targets=("A", "B"), layers=(1,), **classes)
    plan = make_plan(experiment)
    steps = {run.treatment.name: plan.num_steps(run) for run in plan.runs}
    assert steps["baseA"] == steps["B1A"] == 2 * 24 / 4
    assert steps["baseB"] == steps["A1B"] == 2 * 36 / 4


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"treatments": ("XnB",)}, "unknown treatment 'XnB'"),
        ({"treatments": ("RnB+",)}, "random layers that learn"),
        ({"layers": (0,)}, r"layers: n must lie in 1..7 for convnet \(8 layers\), got 0"),
        ({"layers": (8,)}, r"layers: n must lie in 1..7 for convnet \(8 layers\), got 8"),
        ({"images_per_class": (5, 13)}, "images_per_class=13 .*no class of .* more than 12 training images.*0 for all"),
        ({"split": "explicit", "classes_a": ("cat", "bird"), "classes_b": ("ship",)}, "task B has 1 class"),
        ({"network": "vgg"}, "unknown network 'vgg'"),
        ({"network_options": {"colour": 1}}, r"does not take the options \['colour'\]"),
        ({"recipe": Recipe(crop_size=64)}, "recipe.crop_size is 64, but the images of .* have 32 pixels; prepare a"),
    ],
)
def test_what_a_plan_refuses(store, changes, message):
    with pytest.raises(ValueError, match=message):
        make_plan(dataclasses.replace(Experiment(store=store), **changes))


def test_a_store_that_is_not_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="no image store at .*nowhere'.*tf-transfer prepare --source=... --out="
    ):
        make_plan(Experiment(store=str(tmp_path / "nowhere")))


def test_two_stores_with_images_of_different_size(store, tmp_path, redescribe):
    other = shutil.copytree(store, tmp_path / "other")
    redescribe(other, image_size=16)
    with pytest.raises(ValueError, match="images differ in size: .*other has 16 pixels, .* has 32; prepare one of the"):
        make_plan(Experiment(store=store, source_store=str(other), split="data sets"))


def test_tasks_of_runs_that_an_earlier_sweep_of_the_workdir_trained(store):
    plan = make_plan(Experiment(store=store, split_seeds=(1,)))
    for seed in (0, 1, 2):
        task = plan.task(Run(parse("A1B"), ClassSplit("random", seed), 0), "B")
        assert task.classes == tuple(random_halves(6, seed)[1])
