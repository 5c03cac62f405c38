import pytest

from tf_transfer import console, dry_run
from tf_transfer.experiment import plan
from tf_transfer.experiment.config import Experiment, Recipe


def test_the_plan_says_what_would_be_trained_and_what_it_costs(store, capsys):
    experiment = Experiment(store=store, layers=(1, 2, 3, 4), treatments=("AnB", "AnB+"))
    dry_run.print_plan(experiment, None, flops_per_second=1e9)
    printed = capsys.readouterr().out
    assert "random-0_seed-0_A1-4B" in printed and "4: A1B ... A4B" in printed
    assert "the experiment: 10 networks (2 bases, 8 transfers)\n" in printed
    assert "runs to train: 10 of 10, in 7 cohorts" in printed
    assert "network: convnet, 8 layers, 246,163 parameters (1,824, 10,416, 27,712," in printed
    assert "split random-0: A: 3 classes, 36 images; B: 3 classes, 36 images" in printed
    made = plan.make_plan(experiment)
    total = sum(made.cohort_flops(cohort) for cohort in made.cohorts)
    assert f"in all: {total:.3g} FLOPs, about {console.duration(total / 1e9)} at 1 GFLOP/s" in printed


def test_the_plan_of_a_finished_workdir(store, invented_workdir, capsys):
    dry_run.print_plan(Experiment(store=store), str(invented_workdir), flops_per_second=1e9)
    printed = capsys.readouterr().out
    assert "the experiment: 30 networks (2 bases, 28 transfers) and 7 of random filters" in printed
    assert "runs to train: 0 of 37, in 0 cohorts" in printed and "in all: 0 FLOPs, about 0 s" in printed


def test_the_plan_of_a_workdir_that_belongs_to_another_config(store, invented_workdir):
    other = Experiment(store=store, recipe=Recipe(batch_size=7))
    with pytest.raises(ValueError, match="belongs to another config .*recipe.batch_size"):
        dry_run.print_plan(other, str(invented_workdir), flops_per_second=1e9)


def test_the_plan_of_several_blocks(store, capsys):
    blocks = {
        "halves": {"treatments": ("AnB", "RnB"), "layers": (1,)},
        "volumes": {"split": "all", "treatments": (), "images_per_class": (5, 0), "steps": 40},
    }
    dry_run.print_plan(Experiment(store=store, recipe=Recipe(steps=100), blocks=blocks), None, flops_per_second=1e9)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("halves 4 2 base, 1 AnB, 1 RnB 246,163 100 ") for line in lines)
    assert any(line.startswith("volumes 2 2 base 246,934 40 ") for line in lines)
    words = "5 networks (2 bases, 1 transfer, 1 full base, 1 reduced volume) and 1 of random filters"
    assert f"the experiment: {words}" in lines
    assert "split random-0: A: 3 classes, 36 images; B: 3 classes, 36 images" in lines
    assert (
        "split all, 5 images per class: B: 6 classes, 30 images" in lines
        and "split all: B: 6 classes, 72 images" in lines
    )
