"""Simulated experiments whose true effects are known, to see how often the intervals hold them.

Prints coverage and false findings of many simulations: python tests/simulation.py
"""

import argparse
import dataclasses
import time

import numpy as np
import pandas as pd

from tf_transfer.analysis import effects, transition
from tf_transfer.analysis.intervals import FEWEST_GROUPS
from tf_transfer.results.contents import ImageResults

KINDS = ("base", "selffer", "selffer+", "transfer", "transfer+", "random")
# Mean accuracy by kind and layer 1..n: co-adaptation in the middle, specialisation at the top, as in the paper.
TRUE = {
    "base": [0.57] * 5,
    "selffer": [0.57, 0.56, 0.53, 0.56, 0.57],
    "selffer+": [0.57, 0.57, 0.57, 0.58, 0.57],
    "transfer": [0.57, 0.55, 0.50, 0.51, 0.47],
    "transfer+": [0.58, 0.58, 0.59, 0.59, 0.59],
    "random": [0.50, 0.30, 0.20, 0.15, 0.10],
}
NULL = {kind: [0.57] * 5 for kind in KINDS}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is simulated: so many splits, each a random half of the images, and networks that differ by chance.

    `deviation` is the standard deviation between equally trained networks, `alike` the share of images about which all
    networks of a simulation agree how hard they are (which makes networks and splits correlate through the images).
    """

    splits: int
    layers: int = 3
    images: int = 400
    deviation: float = 0.01
    alike: float = 0.7


def simulate(rng, setting, means):
    """Returns the table and image results of one simulated experiment, and the true accuracy of each network."""
    rows, correct, ids, accuracies = [], {}, {}, []
    hardness = rng.random(2 * setting.images)
    for split in range(setting.splits):
        name = f"random-{split}"
        ids[name, "B"] = np.sort(rng.permutation(2 * setting.images)[: setting.images])
        accuracy = {}
        for kind in KINDS:
            for n in [0] if kind == "base" else range(1, setting.layers + 1):
                accuracy[kind, n] = means[kind][n - 1] + setting.deviation * rng.standard_normal()
                agreed = rng.random(setting.images) < setting.alike
                threshold = np.where(agreed, hardness[ids[name, "B"]], rng.random(setting.images))
                run = f"{kind}{n}_{name}"
                correct[run] = threshold < accuracy[kind, n]
                rows.append((run, kind, name, "B", n, 0, correct[run].mean()))
        accuracies.append(accuracy)
    table = pd.DataFrame(rows, columns=["run", "kind", "split", "target", "n", "seed", "top1_last"])
    table = table.assign(status="finished", images_per_class=0)
    # One or two splits speak of their own networks on all images; more speak of all networks on all images.
    if setting.splits < FEWEST_GROUPS:
        truth = {network: np.mean([accuracy[network] for accuracy in accuracies]) for network in accuracies[0]}
    else:
        truth = {network: means[network[0]][network[1] - 1] for network in accuracies[0]}
    return table, ImageResults(correct, ids), truth


def true_effect(truth, effect, layers):
    """The true effect in points, averaged over layers such as `1-3`."""
    first, last = (layers.split("-") * 2)[:2]
    numbers = range(int(first), int(last) + 1)
    pairs = effects.contrast(effect, list(numbers))
    return 100 * np.mean([truth[one] - truth[other] for one, other in pairs])


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Share of intervals that held the truth, and share of simulations in which something was found after Holm."""

    coverage: float
    worst_coverage: float
    found: float


def repeat(setting, means, times, seed, use_images=True):
    """Simulates so many times and counts."""
    rng = np.random.default_rng(seed)
    held, found = [], 0
    for _ in range(times):
        table, images, truth = simulate(rng, setting, means)
        rows = effects.estimate_effects(table, "top1_last", images if use_images else ImageResults())
        true = np.array([true_effect(truth, row.effect, row.layers) for row in rows.itertuples()])
        held.append((rows["low"] <= true + 1e-9) & (true - 1e-9 <= rows["high"]))
        found += bool((rows["p_holm"] < 0.05).any())
    shares = np.mean(held, 0)
    return Outcome(float(shares.mean()), float(shares.min()), found / times)


def repeat_transition(setting, means, times, seed):
    """Simulates so many times; the share in which crossover, centre and spread were held by their intervals."""
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(times):
        table, images, truth = simulate(rng, setting, means)
        found = transition.find_transition(table, "top1_last", images)
        layers = np.arange(1, setting.layers + 1)
        co_adaptation = [true_effect(truth, "co-adaptation", str(n)) for n in layers]
        lost = np.array([true_effect(truth, "specialisation", str(n)) for n in layers])
        true = [transition._crossover(np.array([[*co_adaptation, *lost]]), layers)[0]]
        true += [float(moment[0]) for moment in transition._moments(lost[None], layers)]
        places = (found.crossover, found.centre, found.spread)
        held.append([np.nan if np.isnan(p.low) else p.low <= t <= p.high for p, t in zip(places, true, strict=True)])
    return np.nanmean(held, 0)


def main():
    """Prints the figures that stand in BUILD.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=1000)
    times = parser.parse_args().times
    print("| splits | networks differ by | images | coverage, mean over rows | worst row | found in null |")
    print("|---|---|---|---|---|---|")
    settings = [(1, 0.01, True), (8, 0.01, True), (8, 0.0, True), (4, 0.01, True), (3, 0.01, True), (2, 0.01, True)]
    for splits, deviation, use_images in [*settings, (8, 0.01, False)]:
        setting = Setting(splits, layers=3, images=500, deviation=deviation)
        known = repeat(setting, TRUE, times, seed=1, use_images=use_images)
        by_chance = dataclasses.replace(setting, deviation=deviation * (splits >= FEWEST_GROUPS))
        null = repeat(by_chance, NULL, times, 2, use_images)
        print(
            f"| {splits} | {100 * deviation:g} points | {'known' if use_images else 'not known'} "
            f"| {100 * known.coverage:.1f} % | {100 * known.worst_coverage:.1f} % | {100 * null.found:.1f} % |",
            flush=True,
        )
    for splits in (1, 8):
        setting = Setting(splits, layers=5, images=1000)
        shares = repeat_transition(setting, TRUE, times, seed=3)
        print(f"{splits} splits: crossover, centre and spread held in", ", ".join(f"{100 * x:.1f} %" for x in shares))


if __name__ == "__main__":
    start = time.process_time()
    main()
    print(f"{time.process_time() - start:.0f} s of processor time")
