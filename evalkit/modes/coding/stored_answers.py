"""Answers that are there already (``mode.responses``): graded in place of asking a model, each at no cost.

=========================== ===============================================================================
``mode.responses``          holds
=========================== ===============================================================================
a run directory             the answers of its finished case-trials, round by round
another folder              a file for each task: ``TASK.md``, ``TASK.txt``, ``TASK/response.md`` or
                            ``TASK/response.txt``; ``TASK.t2…`` is the answer of the second trial
a file that ends in .jsonl  an object a line: ``task_id``, ``response`` and perhaps ``trial``
another file                the answer to the one task that is run
=========================== ===============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.datasets.files import clip, parse_json, read_text
from evalkit.errors import DataError
from evalkit.records.json import content_sha256
from evalkit.runs.stored_run import open_run
from evalkit.store.run_directory import RunDirectory

_FILES = ("{}.md", "{}.txt", "{}/response.md", "{}/response.txt")


@dataclass(frozen=True)
class StoredAnswer:
    """What was answered in one case-trial, round by round, and by which model; empty: nobody knows."""

    texts: tuple[str, ...]
    model: str = ""


@dataclass(frozen=True)
class StoredAnswers:
    """All answers of a place.

    Attributes:
        place: Where they were read.
        found: Case-trial (``TASK``, ``TASK.t2``) -> its answer.
        names: What is named there and is no task that was asked for: other tasks, or names misspelt.

    """

    place: Path
    found: Mapping[str, StoredAnswer] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def has(self, task_id: str) -> bool:
        """Whether there is an answer to the first trial of a task."""
        return task_id in self.found

    def sha256(self, task_id: str) -> str:
        """Return the hash of all answers to a task."""
        keys = (key for key in sorted(self.found) if key == task_id or key.startswith(f"{task_id}.t"))
        return content_sha256([[key, list(self.found[key].texts)] for key in keys])

    def find_missing(self, task_ids: Sequence[str], trials: int) -> list[str]:
        """Return a message where a task that is answered at all is not answered in each of `trials`."""
        asked = [_key(task_id, trial) for task_id in task_ids if self.has(task_id) for trial in range(2, trials + 1)]
        missing = [key for key in asked if key not in self.found]
        if not missing:
            return []
        found = f"{self.place} has no answer to {len(missing)} of the case-trials of trials={trials}"
        return [f"mode.responses: {found}, the first: {missing[0]}"]


def read_stored_answers(place: Path, task_ids: Sequence[str]) -> StoredAnswers:
    """Return the answers to tasks that `place` holds. Raises DataError where it holds none, or cannot be read."""
    if not place.exists():
        raise DataError(f"mode.responses: {place}: no such file or folder")
    if place.is_dir():
        is_run = (place / "records").is_dir() and (place / "journal.jsonl").is_file()
        found = dict(_of_run(place) if is_run else _of_folder(place, task_ids))
    elif place.suffix == ".jsonl":
        found = dict(_of_lines(place))
    elif len(task_ids) == 1:
        found = {task_ids[0]: StoredAnswer((read_text(place),))}
    else:
        many = f"{place} is one answer, but {len(task_ids)} tasks are run"
        raise DataError(f"mode.responses: {many}; choose one: mode.tasks=[ID]")
    if not any(task_id in found for task_id in task_ids):
        names = ", ".join(name.format(task_ids[0]) for name in _FILES)
        wanted = f"task_id {task_ids[0]!r} for example" if place.is_file() else f"one of {names}"
        raise DataError(f"mode.responses: {place} has no answer to any task of this run; expected {wanted}")
    named = [path.name.split(".", 1)[0] for path in place.iterdir()] if place.is_dir() else [*map(_task, found)]
    return StoredAnswers(place, found, frozenset(named) - {*task_ids})


def _key(task_id: str, trial: int) -> str:
    return task_id if trial == 1 else f"{task_id}.t{trial}"


def _task(key: str) -> str:
    return key.split(".t", 1)[0]


def _of_run(place: Path) -> Iterator[tuple[str, StoredAnswer]]:
    for key, stored in open_run(RunDirectory(place).root, "read the answers of").finished.items():
        texts = tuple(turn.assistant_text for turn in stored.record.turns if turn.steps)
        if texts:
            yield key, StoredAnswer(texts, stored.record.served_model)


def _of_folder(place: Path, task_ids: Sequence[str]) -> Iterator[tuple[str, StoredAnswer]]:
    names = {_task(path.name).removesuffix(path.suffix) for path in place.iterdir()}
    for task_id in (task_id for task_id in task_ids if task_id in names):
        trial = 1
        while (text := _answer_file(place, _key(task_id, trial))) is not None:
            yield _key(task_id, trial), StoredAnswer((text,))
            trial += 1


def _answer_file(place: Path, key: str) -> str | None:
    path = next((place / name.format(key) for name in _FILES if (place / name.format(key)).is_file()), None)
    return None if path is None else read_text(path)


def _of_lines(place: Path) -> Iterator[tuple[str, StoredAnswer]]:
    for number, line in enumerate(read_text(place).split("\n"), 1):
        if not line.strip():
            continue
        where, expected = (
            f"mode.responses: {place}: line {number}",
            'an object with "task_id" and "response", both text',
        )
        try:
            data: Any = parse_json(line)
        except ValueError:
            raise DataError(f"{where}: is not valid JSON; expected {expected}") from None
        is_answer = isinstance(data, Mapping) and all(isinstance(data.get(key), str) for key in ("task_id", "response"))
        if not is_answer or not isinstance(data.get("trial", 1), int):
            raise DataError(f'{where}: {clip(line)} is no answer; expected {expected}, and perhaps "trial", a number')
        key = _key(data["task_id"], data.get("trial", 1))
        yield key, StoredAnswer((data["response"],), str(data.get("model", "")))
