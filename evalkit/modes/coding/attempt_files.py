"""What an attempt leaves for people to read, a file each in ``files/<case-trial>/``.

================== =========================================================================================
file               holds
================== =========================================================================================
``prompt.md``      what the model was shown; of a repair round ``prompt.2.md`` and so on
``response.md``    what it answered; likewise
``reasoning.md``   what it thought aloud, where the provider tells; likewise
``patch.diff``     what its last answer changes, as a diff that ``git apply`` takes
``build.log``      what the compiler said, byte for byte
``run.log``        what the program wrote to stdout and stderr, byte for byte
``calls.json``     every hidden call with its arguments, what is expected and what was answered
================== =========================================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.modes.coding.execution import Execution
from evalkit.modes.coding.task import Task
from evalkit.records.code_answers import find_difference
from evalkit.store.files import write_atomically


@dataclass
class AttemptFiles:
    """Collects the texts of an attempt at `task`, and writes them into `folder` when it has ended."""

    folder: Path
    task: Task
    rounds: list[dict[str, str]] = field(default_factory=list)
    patch: str = ""
    execution: Execution | None = None

    def begin_round(self, prompt: str) -> None:
        """Take in what the model is shown next."""
        self.rounds.append({"prompt": prompt})

    def take_answer(self, response: str, reasoning: str) -> None:
        """Take in what the model answered, and what it thought aloud."""
        self.rounds[-1] |= {"response": response, "reasoning": reasoning}

    def write(self) -> dict[str, Path]:
        """Write what there is and return artifact -> its file; of prompts and responses, the last round's."""
        contents: dict[str, bytes] = {}
        paths: dict[str, str] = {}
        for number, texts in enumerate(self.rounds, 1):
            part = "" if number == 1 else f".{number}"
            for name, text in texts.items():
                if text:
                    contents[f"{name}{part}.md"] = text.encode("utf-8", "replace")
                    paths[f"{name}_path"] = f"{name}{part}.md"
        further = {"patch_path": ("patch.diff", self.patch.encode("utf-8", "replace"))}
        if self.execution is not None:
            further["build_log_path"] = ("build.log", self.execution.build_log)
            further["run_log_path"] = ("run.log", self.execution.run_log)
            further["calls_path"] = ("calls.json", _calls_json(self.task, self.execution))
        for name, (file, content) in further.items():
            if content:
                contents[file], paths[name] = content, file
        for file, content in contents.items():
            write_atomically(self.folder / file, content)
        return {name: self.folder / file for name, file in paths.items()}


def _calls_json(task: Task, execution: Execution) -> bytes:
    calls = [
        {
            "id": call.call_id,
            **call.request,
            "expected": call.expected,
            "got": execution.answers.get(call.call_id),
            "right": not find_difference(call.expected, execution.answers.get(call.call_id)),
        }
        for call in task.judge.calls
    ]
    about = json.dumps({"status": execution.status, "reason": execution.reason}, ensure_ascii=False)[1:-1]
    lines = ",\n".join(json.dumps(call, ensure_ascii=False) for call in calls)
    return f'{{{about}, "calls": [\n{lines}\n]}}\n'.encode("utf-8", "replace")
