import pkgutil
import shutil

import tf_transfer


def test_prepare(image_folder, tmp_path):
    meta = tf_transfer.prepare(f"folder:{image_folder}", str(tmp_path / "store"), image_size=16)
    assert (meta.num_classes, meta.image_size) == (6, 16)
    assert tf_transfer.prepare(f"folder:{image_folder}", str(tmp_path / "store")) == meta


def test_run_returns_the_table(store, invented_workdir, tmp_path, capsys):
    directory = shutil.copytree(invented_workdir, tmp_path / "work")
    table = tf_transfer.run(tf_transfer.Experiment(store=store), directory)
    assert len(table) == 37 and table["run"][0] == "baseA_random-0_seed-0"
    assert capsys.readouterr().out == ""


def test_every_exported_name_that_needs_no_tensorflow_is_there():
    for name in set(tf_transfer.__all__) - {"export", "load_network"}:
        assert getattr(tf_transfer, name) is not None
    assert not hasattr(tf_transfer, "colour")


def test_no_module_has_the_name_of_an_exported_function():
    # Once imported, it would take the function's place: `tf_transfer.export(...)` worked a single time.
    modules = {module.name for module in pkgutil.iter_modules(tf_transfer.__path__)}
    assert modules.isdisjoint(tf_transfer.__all__)
