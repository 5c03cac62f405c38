import importlib.util
import subprocess

from ml_collections import ConfigDict

from tf_transfer.experiment.config import Experiment, Recipe
from tf_transfer.report import rerun


def test_the_commands_make_the_same_experiment_again(tmp_path, monkeypatch):
    experiment = Experiment(
        "it's/a store",
        layers=(1, 3),
        network_options={"filters": (4, 8, 8, 8, 8)},
        recipe=Recipe(epochs=2.5, random_flip=True),
        blocks={"volumes": {"split": "all", "treatments": (), "images_per_class": (5, 10)}},
    )
    commands = rerun.sweep_commands(experiment)
    assert commands.endswith("END\npython bin/sweep.py --config=again.py --workdir=work/again")
    assert "config.targets" not in commands  # only what differs
    monkeypatch.chdir(tmp_path)
    subprocess.run(commands[: commands.rindex("\n")], shell=True, check=True)
    spec = importlib.util.spec_from_file_location("again_config", "again.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config()
    assert isinstance(config, ConfigDict) and Experiment.from_config(config.to_dict()) == experiment


def test_the_report_again():
    assert rerun.report_command("a b", "top1_last") == "python bin/report.py '--workdir=a b' --metric=top1_last"
    assert rerun.report_command("w", compare=True) == "python bin/report.py --workdir=w --compare=published"


def test_paths_below_the_present_directory_are_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fields = dict(rerun.fields(Experiment(str(tmp_path / "stores" / "x"))))
    assert fields["store"] == "stores/x" and fields["source_store"] == "" and fields["recipe.batch_size"] == 64
    assert dict(rerun.fields(Experiment("/elsewhere")))["store"] == "/elsewhere"
