"""How often ``evalkit compare`` raises a false alarm, and how often it finds a planted regression.

    python benchmarks/compare_power.py [pairs of runs]

Runs are simulated as records and grades and given to the functions of the command. Every case has a chance of its own
to pass (beta distributed, so that trials of a case correlate); the agent of run B passes each case with that chance,
less what was planted. Four metrics are graded: tool calls, arguments, a judge that mostly agrees with them, and a
measure.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    import numpy as np

    from evalkit.modes.voice.layouts import CRAWL_LAYOUT
    from evalkit.records.case import Case
    from evalkit.records.grade import Grade
    from evalkit.records.record import CaseRecord, Turn
    from evalkit.reports.compare import REGRESSED, CompareOptions, Comparison, compare_runs
    from evalkit.reports.pairs import Side

PAIRS = 200
LOSSES = (0.0, 0.05, 0.1, 0.15)
CONFIG: dict[str, Any] = {"mode": {"name": "crawl", "data_csv": ""}, "assistant": {"model": "a"}, "seed": 0}


def simulate_comparison(
    seed: int, *, cases: int = 200, trials: int = 1, loss: float = 0.0, share: float = 0.8, correlation: float = 0.3
) -> Comparison:
    """Return run A beside run B, whose chance to pass is lower by `loss`.

    `share` is the mean chance to pass of A, `correlation` that of two trials of a case.
    """
    rng = np.random.default_rng(seed)
    strength = (1 - correlation) / correlation
    chances = rng.beta(share * strength, (1 - share) * strength, cases)
    return compare_runs(
        _simulate_run(rng, chances, trials),
        _simulate_run(rng, chances * (1 - loss / share), trials),
        CompareOptions(),
    )


def share_of_regressions(pairs: int, **options: Any) -> tuple[float, float]:
    """Return the share of `pairs` of runs in which any metric regressed, and in which `grade` did."""
    regressed = [simulate_comparison(seed, **options).metrics_that(REGRESSED) for seed in range(pairs)]
    return sum(map(bool, regressed)) / pairs, sum("grade" in metrics for metrics in regressed) / pairs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=int, nargs="?", default=PAIRS, help="pairs of runs a line")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    pairs, told = asked.pairs, []
    print(f"{pairs} pairs of runs a line\n\n| n | trials | planted | any metric regressed | grade regressed |")
    print("|---|---|---|---|---|")
    for cases, trials, losses in ((40, 1, (0.0, 0.15)), (200, 1, LOSSES), (200, 3, LOSSES)):
        for loss in losses:
            alarms, found = share_of_regressions(pairs, cases=cases, trials=trials, loss=loss)
            planted = f"{-loss:+.0%}" if loss else "nothing"
            print(f"| {cases} | {trials} | {planted} | {alarms:.1%} | {found:.1%} |", flush=True)
            told.append({"n": cases, "trials": trials, "planted": -loss, "any": alarms, "grade": found})
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=2) + "\n")


def _simulate_run(rng: np.random.Generator, chances: np.ndarray, trials: int) -> Side:
    records, grades = [], []
    for number, chance in enumerate(chances):
        case = Case(f"c{number}", "crawl", {"user_text": str(number)})
        for trial in range(1, trials + 1):
            turn = Turn(1, "", latencies={"latency_first_audio_ms": float(rng.lognormal(6.5, 0.3))})
            record = CaseRecord(case, trial, 0, "", {}, (turn,), None, (), {}, "", "", 0.0)
            passed = rng.random() < chance
            agreed = passed if rng.random() < 0.9 else not passed
            verdicts = {"tool_call": passed, "tool_call_args": passed, "polite": agreed, "wer": rng.beta(20, 2)}
            records.append(record)
            grades += [
                Grade(record.key, 1, grader, grader, "1", float(value), "", "", "")
                for grader, value in verdicts.items()
            ]
    return Side("", "", CRAWL_LAYOUT, CONFIG, {}, len(records), records, grades)


if __name__ == "__main__":
    with missing_packages_named():
        main()
