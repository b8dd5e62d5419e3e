"""Answers are kept the moment they arrive: a run that is killed while a box still works pays for none of them twice.

A line per answer in ``answers/<case-trial>.jsonl``, named by a hash of all that was asked: the settings that decide an
answer, the conversation so far, the round, and the trial's seed. Whoever asks the same again gets it from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from evalkit.modes.coding.attempts import Answerer, CodeAnswer
from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject, content_sha256
from evalkit.records.record import Usage
from evalkit.store.journal import append_line, cut_torn_line, read_lines
from evalkit.store.writer import in_writer


def keep_answers(ask: Answerer, folder: Path, identity: JsonObject) -> Answerer:
    """Return what asks only for what `folder` does not hold yet, and keeps it there.

    An answer costs what it cost when it is first given; within one process it costs that once.

    Args:
        ask: Gives an answer that is paid for.
        folder: Of one run; made when the first answer is kept.
        identity: The settings that decide an answer.

    """
    counted: set[str] = set()

    async def answer(trial: CaseTrial, messages: Sequence[JsonObject], round_number: int) -> CodeAnswer:
        path = folder / f"{trial.key}.jsonl"
        asked = content_sha256(
            {"identity": identity, "messages": list(messages), "round": round_number, "seed": trial.seed}
        )
        found = _find(path, asked)
        if found is None:
            found = await ask(trial, messages, round_number)
            await in_writer(_keep, path, asked, found)
        elif asked in counted:
            found = replace(found, cost_usd=0.0)
        counted.add(asked)
        return found

    return answer


def _find(path: Path, asked: str) -> CodeAnswer | None:
    kept = next((line["answer"] for line in read_lines(path) if line.get("asked_sha256") == asked), None)
    if kept is None:
        return None
    fields = json.loads(kept)
    return CodeAnswer(**{**fields, "usage": Usage(**fields["usage"])})


def _keep(path: Path, asked: str, answer: CodeAnswer) -> None:
    path.parent.mkdir(exist_ok=True)
    cut_torn_line(path)
    # As text within the line: JSON may hold half of a surrogate pair, which no file can.
    append_line(path, {"asked_sha256": asked, "answer": json.dumps(asdict(answer))})
