"""How recognition and grades fall as the line gets worse: the shipped recordings over every shipped channel.

    python benchmarks/channels.py [max_examples]

Walk on the embedded provider, one seed. Word error rate is that of the embedded recogniser on what the assistant was
given to hear, against the case's text; 95 % intervals are bootstrapped over cases (BCa), those of grades are Wilson's.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from statistics import fmean

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.metrics.statistics import bootstrap_interval

CHANNELS = ("clean", "telephone", "noisy", "reverberant", "lossy", "awful")


def main() -> None:
    """Run the sweep and print a line per channel."""
    line = [
        sys.executable, "-m", "evalkit", "-m", "mode=walk", f"channel={','.join(CHANNELS)}", "report.plots=false",
        "mode.graders=[tool_call,tool_call_args,wer]", *(f"max_examples={n}" for n in sys.argv[1:2]),
    ]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    root = Path(done.stdout.splitlines()[-1])
    print("| channel | n | word error rate | 95 % | grade | 95 % | right tool |\n|---|---|---|---|---|---|---|")
    for channel, folder in zip(CHANNELS, sorted(root.glob("[0-9]_*")), strict=True):
        summary = json.loads((folder / "summary.json").read_text())
        rates = _word_error_rates(folder)
        interval = bootstrap_interval(rates, [str(number) for number in range(len(rates))], 0)
        spread = f"{interval.low:.1%} to {interval.high:.1%}" if interval else "-"
        low, high = summary["grade_ci95"]
        print(
            f"| `{channel}` | {summary['n']} | {fmean(rates):.1%} | {spread} | {summary['grade_mean']:.2f} "
            f"| {low:.2f} to {high:.2f} | {summary['tool_call_correctness_mean']:.2f} |"
        )


def _word_error_rates(folder: Path) -> list[float]:
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        return [1 - float(row["wer_grade"]) for row in csv.DictReader(file) if row["wer_grade"]]


if __name__ == "__main__":
    with missing_packages_named():
        main()
