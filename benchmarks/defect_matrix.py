"""Which grader catches which known-defect agent: runs all of them on the shipped cases and prints the table.

    python benchmarks/defect_matrix.py [max_examples]

Each agent is what `local-agent` really decided, made wrong in one way, so a grader that stays at the baseline there has
not been fooled, and one that falls has done its work. The same numbers are asserted in tests/e2e/test_defects.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from installed import missing_packages_named

AGENTS = (
    "local-agent",
    "local-no-tool",
    "local-wrong-tool",
    "local-wrong-args",
    "local-extra-call",
    "local-text-mismatch",
    "local-silent",
)
METRICS = ("tool_call_correctness", "tool_call_arg_correctness", "audio_text_mismatch_grade", "grade")


def main() -> None:
    """Run the sweep and print means by agent, with the graders that fell below the baseline in bold."""
    count = sys.argv[1] if len(sys.argv) > 1 else "24"
    line = ["-m", f"assistant.model={','.join(AGENTS)}", f"max_examples={count}", "report.plots=false"]
    done = subprocess.run([sys.executable, "-m", "evalkit", *line], capture_output=True, text=True, check=True)
    root = Path(done.stdout.splitlines()[-1])
    summaries = [json.loads(path.read_text()) for path in sorted(root.glob("[0-9]_*/summary.json"))]
    baseline = summaries[0]
    print(f"n = {baseline['n']} cases\n")
    print("| agent | " + " | ".join(METRICS) + " |\n|---|" + "---|" * len(METRICS))
    for summary in summaries:
        cells = [_cell(summary.get(f"{metric}_mean"), baseline.get(f"{metric}_mean")) for metric in METRICS]
        print(f"| `{summary['model']}` | " + " | ".join(cells) + " |")


def _cell(value: float | None, baseline: float | None) -> str:
    if value is None or baseline is None:
        return "-"
    return f"**{value:.2f}**" if value < baseline - 1e-9 else f"{value:.2f}"


if __name__ == "__main__":
    with missing_packages_named():
        main()
