"""The settings of an experiment: what the numbers of every run depend on."""

from __future__ import annotations

from typing import Any

from tf_transfer.data import image_store
from tf_transfer.experiment.config import Experiment
from tf_transfer.files.checksums import hash_json

# What may change between two sweeps on one workdir, since no run's numbers depend on it.
_FREE_FIELDS = (
    *("split", "split_seeds", "images_per_class", "targets", "treatments", "layers", "seeds", "blocks"),
    *("expected_store", "metric", "cohort_size", "fine_tuned_cohort_size", "processes"),
    *("deterministic", "checkpoint_minutes", "checkpoint_steps"),
)


def settings(experiment: Experiment) -> dict[str, Any]:
    """The settings as JSON values: two sweeps that share a workdir must agree in them.

    Of image stores it is their content that counts, not their path.

    Raises:
      FileNotFoundError: There is no store.
    """
    fields = experiment.to_json()
    for name in (*_FREE_FIELDS, "store", "source_store"):
        del fields[name]
    fields["store"] = image_store.read_meta(experiment.store).fingerprint
    if experiment.source_store:
        fields["source_store"] = image_store.read_meta(experiment.source_store).fingerprint
    return fields


def settings_hash(experiment: Experiment) -> str:
    """SHA-256 of the settings, in hexadecimal."""
    return hash_json(settings(experiment))
