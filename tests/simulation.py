"""Simulated experiments whose true effects are known: how often do the intervals cover them?

python tests/simulation.py prints coverage and false findings over many simulations, the tables of BUILD.md.
"""

import argparse
import dataclasses
import itertools
import time

import numpy as np
import pandas as pd

from tf_transfer.analysis import effects, transition
from tf_transfer.analysis.contrasts import PER_CLASS
from tf_transfer.analysis.intervals import MIN_GROUPS
from tf_transfer.results.contents import NOT_RECORDED, ImageResults

METRIC = "top1_last"
KINDS = ("base", "selffer", "selffer+", "transfer", "transfer+", "random")
# Mean accuracy by kind and layer 1..n: co-adaptation in the middle, specialisation at the top, as in the paper.
WITH_EFFECTS = {
    "base": [0.57] * 5,
    "selffer": [0.57, 0.56, 0.53, 0.56, 0.57],
    "selffer+": [0.57, 0.57, 0.57, 0.58, 0.57],
    "transfer": [0.57, 0.55, 0.50, 0.51, 0.47],
    "transfer+": [0.58, 0.58, 0.59, 0.59, 0.59],
    "random": [0.50, 0.30, 0.20, 0.15, 0.10],
}
CLASS_SIZES = ((50,) * 10, (150, 125, 100, 75, 50, 25, 15, 10, 5, 5))
WITHOUT_EFFECTS = {kind: [0.57] * 5 for kind in KINDS}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is simulated.

    Attributes:
      splits: Number of class splits, each tested on a random half of all images.
      layers: Number of layers that are cut at.
      images: Number of test images of a split.
      deviation: Standard deviation of the accuracy of equally trained networks.
      agreement: Share of the images on whose difficulty all networks agree; it correlates networks and splits.
      class_images: Test images of each class, in place of `images`. The metric is then mean per-class accuracy: rarer
        classes are up to 20 points harder, and what a layer costs differs from class to class by about 4 points.
    """

    splits: int
    layers: int = 3
    images: int = 400
    deviation: float = 0.01
    agreement: float = 0.7
    class_images: tuple[int, ...] = ()

    @property
    def metric(self):
        """The column of accuracies."""
        return PER_CLASS if self.class_images else METRIC


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A simulated experiment: its results and, by network, the true accuracy that its intervals should cover."""

    table: pd.DataFrame
    images: ImageResults
    truth: dict[tuple[str, int], float]

    def true_effect(self, effect, layers):
        """A true effect in points, averaged over layers such as `1-3`."""
        first, last = (layers.split("-") * 2)[:2]
        pairs = effects.EFFECTS[effect].contrast(range(int(first), int(last) + 1)).pairs
        return 100 * np.mean([self.truth[one] - self.truth[other] for one, other in pairs])


def simulate(rng, setting, means):
    """Simulates an experiment whose networks have the given mean accuracies by kind and layer."""
    if setting.class_images:
        return _simulate_classes(rng, setting, means)
    rows, correct, ids, accuracies = [], {}, {}, []
    difficulty = rng.random(2 * setting.images)
    for split in range(setting.splits):
        name = f"random-{split}"
        ids[name, "B"] = np.sort(rng.permutation(2 * setting.images)[: setting.images])
        accuracy = {}
        for kind in KINDS:
            for n in [0] if kind == "base" else range(1, setting.layers + 1):
                accuracy[kind, n] = means[kind][n - 1] + setting.deviation * rng.standard_normal()
                agreed = rng.random(setting.images) < setting.agreement
                threshold = np.where(agreed, difficulty[ids[name, "B"]], rng.random(setting.images))
                run = f"{kind}{n}_{name}"
                correct[run] = threshold < accuracy[kind, n]
                rows.append((run, kind, name, "B", n, 0, correct[run].mean()))
        accuracies.append(accuracy)
    return _gather(rows, setting, means, accuracies, ImageResults(correct, ids))


def _simulate_classes(rng, setting, means):
    """The same with classes of unequal size, of which each split has half of the images."""
    sizes = np.array(setting.class_images)
    labels, pool = np.repeat(np.arange(len(sizes)), sizes), np.repeat(np.arange(len(sizes)), 2 * sizes)
    difficulty = rng.random(len(pool))
    harder = np.argsort(np.argsort(-sizes, kind="stable")) / (len(sizes) - 1)
    networks = [(kind, n) for kind in KINDS for n in ([0] if kind == "base" else range(1, setting.layers + 1))]
    by_class = {}
    for network in networks:
        shifts = 0.04 * rng.standard_normal(len(sizes)) - 0.2 * harder
        by_class[network] = shifts - shifts.mean()
    rows, correct, ids, accuracies = [], {}, {}, []
    for split in range(setting.splits):
        name = f"random-{split}"
        of_classes = [
            rng.permutation(np.flatnonzero(pool == label))[:size] for label, size in enumerate(setting.class_images)
        ]
        ids[name, "B"] = np.concatenate(of_classes)
        accuracy = {(kind, n): means[kind][n - 1] + setting.deviation * rng.standard_normal() for kind, n in networks}
        accuracies.append(accuracy)
        for kind, n in networks:
            agreed = rng.random(len(labels)) < setting.agreement
            threshold = np.where(agreed, difficulty[ids[name, "B"]], rng.random(len(labels)))
            run = f"{kind}{n}_{name}"
            correct[run] = threshold < accuracy[kind, n] + by_class[kind, n][labels]
            per_class = (np.bincount(labels, weights=correct[run]) / sizes).mean()
            rows.append((run, kind, name, "B", n, 0, per_class))
    return _gather(rows, setting, means, accuracies, ImageResults(correct, ids, dict.fromkeys(ids, labels)))


def _gather(rows, setting, means, accuracies, images):
    table = pd.DataFrame(rows, columns=["run", "kind", "split", "target", "n", "seed", setting.metric])
    table = table.assign(status="finished", images_per_class=0)
    # The intervals of few splits are about their own networks on all images, those of more about all networks.
    if setting.splits < MIN_GROUPS:
        truth = {network: np.mean([accuracy[network] for accuracy in accuracies]) for network in accuracies[0]}
    else:
        truth = {(kind, n): means[kind][n - 1] for kind, n in accuracies[0]}
    return Experiment(table, images, truth)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What many simulations show.

    Attributes:
      coverage: Share of the intervals that cover the true effect.
      worst_coverage: The same of the row (effect and layers) that has the lowest.
      findings: Share of the simulations in which any row is significant after Holm's correction.
    """

    coverage: float
    worst_coverage: float
    findings: float


def repeat(setting, means, times, seed, use_images=True):
    """Simulates and estimates the effects this many times."""
    rng = np.random.default_rng(seed)
    covered, findings = [], 0
    for _ in range(times):
        simulated = simulate(rng, setting, means)
        rows = effects.estimate_effects(
            simulated.table, setting.metric, simulated.images if use_images else NOT_RECORDED
        )
        true = np.array([simulated.true_effect(row.effect, row.layers) for row in rows.itertuples()])
        covered.append((rows["low"] <= true + 1e-9) & (true - 1e-9 <= rows["high"]))
        findings += bool((rows["p_holm"] < 0.05).any())
    coverage = np.mean(covered, 0)
    return Outcome(float(coverage.mean()), float(coverage.min()), findings / times)


def repeat_transition(setting, means, times, seed):
    """Simulates this many times; the coverage of crossover, centre and spread, float [3]."""
    rng = np.random.default_rng(seed)
    layers = np.arange(1, setting.layers + 1)
    covered = []
    for _ in range(times):
        simulated = simulate(rng, setting, means)
        found = transition.find_transition(simulated.table, setting.metric, simulated.images)
        co_adaptation, specialisation = (
            np.array([[simulated.true_effect(effect, str(n)) for n in layers]])
            for effect in ("co-adaptation", "specialisation")
        )
        true = [
            transition.crossover_layer(co_adaptation, specialisation, layers),
            *transition.centre_and_spread(specialisation, layers),
        ]
        covered.append(
            [
                np.nan if np.isnan(location.low) else location.low <= value[0] <= location.high
                for location, value in zip((found.crossover, found.centre, found.spread), true, strict=True)
            ]
        )
    return np.nanmean(covered, 0)


def main():
    """Prints the figures that stand in BUILD.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1000)
    times = parser.parse_args().times
    print("| splits | networks differ by | images | coverage, mean over rows | worst row | findings without effects |")
    print("|---|---|---|---|---|---|")
    settings = [(1, 0.01, True), (8, 0.01, True), (8, 0.0, True), (4, 0.01, True), (3, 0.01, True), (2, 0.01, True)]
    for splits, deviation, use_images in [*settings, (8, 0.01, False)]:
        setting = Setting(splits, layers=3, images=500, deviation=deviation)
        outcome = repeat(setting, WITH_EFFECTS, times, seed=1, use_images=use_images)
        # With few splits a difference between networks is no chance but a true effect of these networks.
        by_chance = dataclasses.replace(setting, deviation=deviation * (splits >= MIN_GROUPS))
        null = repeat(by_chance, WITHOUT_EFFECTS, times, 2, use_images)
        print(
            f"| {splits} | {100 * deviation:g} points | {'recorded' if use_images else 'not recorded'} "
            f"| {100 * outcome.coverage:.1f} % | {100 * outcome.worst_coverage:.1f} % | {100 * null.findings:.1f} % |",
            flush=True,
        )
    print("| splits | test images of the classes | coverage, mean over rows | worst row | findings without effects |")
    print("|---|---|---|---|---|")
    for splits, sizes in itertools.product((1, 2, 3, 8), CLASS_SIZES):
        setting = Setting(splits, layers=3, class_images=sizes)
        outcome = repeat(setting, WITH_EFFECTS, times, seed=4)
        by_chance = dataclasses.replace(setting, deviation=setting.deviation * (splits >= MIN_GROUPS))
        null = repeat(by_chance, WITHOUT_EFFECTS, times, seed=5)
        print(
            f"| {splits} | {', '.join(map(str, sizes))} | {100 * outcome.coverage:.1f} % "
            f"| {100 * outcome.worst_coverage:.1f} % | {100 * null.findings:.1f} % |",
            flush=True,
        )
    for splits in (1, 8):
        coverage = repeat_transition(Setting(splits, layers=5, images=1000), WITH_EFFECTS, times, seed=3)
        print(
            f"{splits} splits: coverage of crossover, centre and spread",
            ", ".join(f"{100 * x:.1f} %" for x in coverage),
        )


if __name__ == "__main__":
    start = time.process_time()
    main()
    print(f"{time.process_time() - start:.0f} s of processor time")
