"""Record what a model answered to the shipped coding tasks, so that the embedded provider can give it again.

    python benchmarks/record_answers.py MODEL RUN_DIR [RUN_DIR ...]

Each run directory is one of `mode=coding` without a system prompt, tests or repairs; its answers to the first trial of
every task go to `data/coding_answers/MODEL.EDIT_FORMAT.jsonl`. Exit code 1: a run is of another kind, or lost a task.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from installed import missing_packages_named

with missing_packages_named():
    from evalkit.runs.stored_run import StoredRun, open_run
    from evalkit.service.brain.conversation import Conversation, UserTurn
    from evalkit.service.brain.solvers.recorded import answers_folder, asked_sha256


def main() -> int:
    """Write a file for each run; return 1 when one cannot be recorded."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("runs", nargs="+", type=Path)
    args = parser.parse_args()
    for run in (open_run(path, "record the answers of") for path in args.runs):
        if problem := find_problem(run):
            print(f"{run.root}: {problem}", file=sys.stderr)
            return 1
        lines = sorted(make_lines(run), key=lambda line: str(line["task_id"]))
        path = answers_folder() / f"{args.model}.{run.config['mode']['edit_format']}.jsonl"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        print(f"{path.name}: {len(lines)} answers")
    return 0


def find_problem(run: StoredRun) -> str:
    """Return why the answers of a run are no recording, empty where they are one."""
    config: Mapping[str, Any] = run.config
    if config["mode"]["name"] != "coding":
        return "is no run of mode=coding"
    if config["mode"]["include_tests"] or config["mode"]["repair_rounds"] or config["assistant"]["system_prompt_file"]:
        return "asked with tests, with repairs or with a system prompt; the embedded provider is asked without"
    lost = [key for key, stored in run.finished.items() if stored.record.failure is not None]
    return f"has no answer to {', '.join(lost)}" if lost else ""


def make_lines(run: StoredRun) -> Iterator[Mapping[str, object]]:
    """Yield a line for the first trial of every task."""
    for stored in run.finished.values():
        record = stored.record
        if record.trial == 1:
            turn = record.turns[0]
            asked = asked_sha256(Conversation("", (), (UserTurn(turn.user_text),)))
            yield {
                "task_id": record.case.case_id,
                "model": record.served_model,
                "finish": turn.status,
                "asked_sha256": asked,
                "response": turn.assistant_text,
            }


if __name__ == "__main__":
    sys.exit(main())
