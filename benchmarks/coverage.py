"""How often the 95 % intervals hold the truth, by simulation.

    python benchmarks/coverage.py [runs] [--json FILE]

Each line simulates `runs` runs (2,000 by default; half of that for measures and percentiles) of n cases whose truth
is known, and gives every one to the functions that a summary uses. Clustered runs have three trials a case: a case's
chance of passing is drawn from a beta distribution, so that trials of a case correlate. With 2,000 runs the share
itself is uncertain by about one point.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np
    from scipy.stats import norm

    from evalkit.metrics.percentiles import percentile_interval
    from evalkit.metrics.statistics import Interval, estimate_mean

RUNS = 2_000
SIZES = (12, 40, 200)
SHARES = (0.2, 0.5, 0.8, 0.95)
CORRELATIONS = (0.0, 0.3, 0.7)
TRIALS = 3

Draw = Callable[[np.random.Generator], Sequence[float]]


def coverage_of_passes(
    cases: int, share: float, runs: int, *, correlation: float | None = None, seed: int = 0
) -> float:
    """Return how often the interval of a mean of passes holds `share`.

    `correlation` None: one trial a case; else `TRIALS` of them, correlated that much.
    """
    rng = np.random.default_rng([seed, cases, round(1000 * share), round(1000 * (correlation or 0))])
    trials = 1 if correlation is None else TRIALS
    clusters = [str(case) for case in range(cases) for _ in range(trials)]
    hits = 0
    for _ in range(runs):
        values = (rng.random((cases, trials)) < _chances(rng, cases, share, correlation)).ravel()
        hits += _holds(estimate_mean([float(value) for value in values], clusters, 0).interval, share)
    return hits / runs


def coverage_of_measures(draw: Draw, truth: float, runs: int, seed: int = 0) -> float:
    """Return how often the interval of the mean of what `draw` gives, one value a case, holds `truth`."""
    rng = np.random.default_rng(seed)
    hits = 0
    for _ in range(runs):
        values = list(draw(rng))
        hits += _holds(estimate_mean(values, [str(case) for case in range(len(values))], 0).interval, truth)
    return hits / runs


def coverage_of_percentile(
    cases: int, percent: float, runs: int, *, trials: int = 1, seed: int = 0
) -> tuple[float, float]:
    """Return how often the interval of a percentile of lognormal latencies holds it, and how often there is none.

    Half of the variance of the logarithm lies between cases.
    """
    rng = np.random.default_rng([seed, cases, round(percent), trials])
    truth = math.exp(float(norm.ppf(percent / 100)) * math.sqrt(2))
    clusters = [str(case) for case in range(cases) for _ in range(trials)]
    hits = absent = 0
    for _ in range(runs):
        values = np.exp(rng.normal(size=(cases, 1)) + rng.normal(size=(cases, trials))).ravel()
        interval = percentile_interval(list(values), clusters, percent)
        absent += interval is None
        hits += _holds(interval, truth)
    return hits / max(1, runs - absent), absent / runs


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=int, nargs="?", default=RUNS, help="simulated runs a cell")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    half = max(1, asked.runs // 2)
    told = [*_print_passes(asked.runs), *_print_measures(half), *_print_percentiles(half)]
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


def _print_passes(runs: int) -> Iterator[dict[str, object]]:
    kinds: list[float | None] = [None, *CORRELATIONS]
    heads = ["one trial", *(f"{TRIALS} trials, correlation {value:g}" for value in CORRELATIONS)]
    print(f"pass or fail, {runs} runs a cell\n\n| n | p | {' | '.join(heads)} |\n|---|---|{'---|' * len(heads)}")
    for cases in SIZES:
        for share in SHARES:
            found = [coverage_of_passes(cases, share, runs, correlation=kind) for kind in kinds]
            print(f"| {cases} | {share:g} | {' | '.join(f'{part:.1%}' for part in found)} |", flush=True)
            yield {"values": "pass or fail", "n": cases, "p": share, **dict(zip(heads, found, strict=True))}


def _print_measures(runs: int) -> Iterator[dict[str, object]]:
    print(f"\nmeasures, {runs} runs a cell\n\n| values | n | coverage |\n|---|---|---|")
    kinds = (
        ("normal", 0.0, lambda rng, n: rng.normal(size=n)),
        ("grades near 1 (beta 5, 0.7)", 5 / 5.7, lambda rng, n: rng.beta(5, 0.7, n)),
        ("latencies (lognormal, sigma 0.5)", math.exp(0.125), lambda rng, n: rng.lognormal(0, 0.5, n)),
        ("long tail (lognormal, sigma 1)", math.exp(0.5), lambda rng, n: rng.lognormal(0, 1, n)),
    )
    for number, (name, truth, draw) in enumerate(kinds):
        for cases in SIZES:
            seed = 1000 * number + cases
            share = coverage_of_measures(lambda rng, draw=draw, n=cases: draw(rng, n), truth, runs, seed)
            print(f"| {name} | {cases} | {share:.1%} |", flush=True)
            yield {"values": name, "n": cases, "coverage": share}


def _print_percentiles(runs: int) -> Iterator[dict[str, object]]:
    print(f"\npercentiles, {runs} runs a cell\n\n| n | trials | percentile | coverage | no interval |")
    print("|---|---|---|---|---|")
    for cases, trials in ((40, 1), (200, 1), (1000, 1), (40, 3), (200, 3), (1000, 3)):
        for percent in (50, 95, 99):
            share, absent = coverage_of_percentile(cases, percent, runs, trials=trials)
            shown = "-" if absent == 1 else f"{share:.1%}"
            print(f"| {cases} | {trials} | p{percent} | {shown} | {absent:.0%} |", flush=True)
            yield {"values": f"p{percent}", "n": cases, "trials": trials, "coverage": share, "no interval": absent}


def _chances(rng: np.random.Generator, cases: int, share: float, correlation: float | None) -> np.ndarray:
    """Return each case's own chance of passing, as a column."""
    if not correlation:
        return np.full((cases, 1), share)
    strength = (1 - correlation) / correlation
    return rng.beta(share * strength, (1 - share) * strength, (cases, 1))


def _holds(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low <= truth <= interval.high


if __name__ == "__main__":
    with missing_packages_named():
        main()
