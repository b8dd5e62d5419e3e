"""Runs attacks through the whole of an attempt: answer, patch, boxes, record, grade; and says all that went wrong.

A script as well, so that it can be run as an ordinary user: ``python -m verdicts.running LANGUAGE`` loads everything,
becomes another user when it is root, and prints a JSON object, attack -> what was wrong.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from boxes.attacks import adopting_orphans, find_children, find_written, open_descriptors
from boxes.ordinary_user import ORDINARY_ID
from verdicts.cpp_task import write_cpp_task
from verdicts.every import ATTACKS
from verdicts.table import VerdictAttack

from evalkit.clock import MonotonicClock
from evalkit.compose.planning import plan
from evalkit.graders.coding import GRADERS
from evalkit.graders.context import GraderContext
from evalkit.modes.coding.attempts import CodeAnswer, CodingSetup, attempt_task
from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.edits import AppliedEdit, DiffEdit
from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.mode import CODING
from evalkit.modes.coding.patch import apply_edit
from evalkit.modes.coding.programs import read_harness
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_task
from evalkit.modes.coding.toolchains import Toolchain, find_toolchain
from evalkit.records.case import CaseTrial
from evalkit.records.grade import GradeLevel, GraderSpec, Verdict
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, from_json, to_json
from evalkit.runner.jobs import packaged_source
from evalkit.sandbox.finding import find_sandbox
from evalkit.settings.resolution import resolve
from evalkit.store.run_directory import RunDirectory

CANARY = "canary-3e90c4d7b1f6"
CANARY_VARIABLE = "EVALKIT_CANARY_KEY"
TASKS_DIR = Path(__file__).parents[2] / "data/coding"
TASK_IDS: Mapping[Language, str] = {
    Language.PYTHON: "python_bugfix_interval_merger",
    Language.JAVASCRIPT: "javascript_feature_cli_todo",
    Language.HTML: "html_expert_form_validator",
    Language.GO: "go_feature_wordcount",
    Language.RUST: "rust_bugfix_path_normalizer",
}
HTML_CALLS = 3  # a page takes most of a second
TIME_SCALE = 4.0  # attacks end by themselves; a busy machine gets its time
(TESTS,) = GRADERS


@dataclass(frozen=True)
class Attacked:
    """A task, and what its attempts share.

    Attributes:
        right: The workspace as the oracle has it.
        secrets: What no candidate can know: names of hidden calls.

    """

    task: Task
    toolchain: Toolchain
    right: Mapping[str, bytes]
    secrets: tuple[bytes, ...]
    settings: Mapping[str, CodingSettings]
    """By the format of answers."""


def read_attacked(language: Language, folder: Path) -> Attacked:
    """Return the task that is attacked in `language`; `folder` is for what has to be written."""
    task = read_task(write_cpp_task(folder) if language is Language.CPP else TASKS_DIR / TASK_IDS[language])
    if language is Language.HTML:
        task = replace(task, judge=replace(task.judge, calls=task.judge.calls[:HTML_CALLS]))
    edited = apply_edit(DiffEdit(task.judge.oracle), task.workspace, task.editable, lenient=False)
    toolchain = find_toolchain(language)
    assert isinstance(edited, AppliedEdit)
    assert isinstance(toolchain, Toolchain)
    hidden = tuple(call.call_id.encode() for call in task.judge.calls if len(call.call_id) > 12)
    assert hidden or language in (Language.HTML, Language.CPP)
    settings = {name: _settings(name, task, folder) for name in ("whole", "diff")}
    return Attacked(task, toolchain, edited.files, hidden, settings)


def _settings(edit_format: str, task: Task, folder: Path) -> CodingSettings:
    line = ("mode=coding", f"mode.tasks_dir={TASKS_DIR}", f"mode.edit_format={edit_format}")
    config = plan(line, packaged_source()).jobs[0].config
    return CODING.make_settings(resolve(config, folder, CODING.models), config)


def run_attack(attack: VerdictAttack, attacked: Attacked) -> list[str]:
    """Run one attack and return all that was wrong; empty: the verdict can be believed, and nothing is left."""
    token = f"evalkit-token-{secrets.token_hex(8)}"
    with _open_folder() as folder, adopting_orphans(), _planted_canary():
        host_file = folder / "key.txt"
        host_file.write_text(CANARY)
        answer = write_answer(attack, attacked, {"<<host_file>>": str(host_file), "<<token>>": token})
        descriptors = open_descriptors()
        run = RunDirectory(folder / "run")
        record, verdict = asyncio.run(_attempt(attack, attacked, answer, run))
        (folder / "run/record.json").write_text(json.dumps(to_json(record)))
        logs = _read_logs(folder / "run")
        problems = [
            *_differences(attack, record, verdict, logs),
            *_leaks(attacked, record, folder / "run", logs),
        ]
        if children := find_children():
            problems.append(f"processes are left: {children}")
        if left := open_descriptors() - descriptors:
            problems.append(f"descriptors are left open: {left}")
        if {path.name for path in folder.iterdir()} != {"key.txt", "run"}:
            problems.append(f"written beside the run: {list(folder.iterdir())}")
    return [*problems, *(f"written outside: {path}" for path in find_written(token))]


def write_answer(attack: VerdictAttack, attacked: Attacked, known: Mapping[str, str]) -> str:
    """Return what the model answers: the files in full as `mode.edit_format=whole` asks for them, or the diff."""
    if attack.diff:
        return f"```diff\n{attack.diff}```\n"
    files = {path: _fill(text, path, attacked, known) for path, text in attack.files.items()}
    if any("<<right>>" in text for text in attack.files.values()):  # right is a task's every file
        changed = {path: text for path, text in attacked.right.items() if text != attacked.task.workspace.get(path)}
        files = {path: text.decode() for path, text in changed.items()} | files
    return "\n".join(f"{path}\n```\n{text}```\n" for path, text in files.items())


def _fill(text: str, path: str, attacked: Attacked, known: Mapping[str, str]) -> str:
    """Return the text of a file with what its places stand for."""
    right, start = (files.get(path, b"").decode() for files in (attacked.right, attacked.task.workspace))
    for place, meant in {"<<right>>": right, "<<start>>": start, **known}.items():
        text = text.replace(place, meant)
    return text


async def _attempt(
    attack: VerdictAttack, attacked: Attacked, answer: str, run: RunDirectory
) -> tuple[CaseRecord, Verdict]:
    async def say(_trial: CaseTrial, _messages: Sequence[JsonObject], _round: int) -> CodeAnswer:
        return CodeAnswer(answer, model="attacker")

    task = attacked.task
    with ThreadPoolExecutor(1) as pool:
        setup = CodingSetup(
            attacked.settings["diff" if attack.diff else "whole"],
            {task.task_id: task},
            {task.language: attacked.toolchain},
            Boxes(find_sandbox("bubblewrap"), pool, TIME_SCALE),
            say,
            run,
            MonotonicClock(),
        )
        record = await attempt_task(setup, CaseTrial(make_case(task), 1, 7), {"mode": "coding"})
    record = from_json(json.loads(json.dumps(to_json(record))))
    spec = GraderSpec("tests", "tests", {}, GradeLevel.TRACE)
    return record, await TESTS.grade(GraderContext(record, None, spec))


def _differences(attack: VerdictAttack, record: CaseRecord, verdict: Verdict, logs: bytes) -> Iterator[str]:
    """Yield how the attempt ended otherwise than it must."""
    if record.failure is not None:
        yield f"no grade: {record.failure}"
    status = verdict.details.get("outcome")
    if (status, verdict.grade) != (attack.ends, int(attack.ends == "pass")):
        yield f"must end as {attack.ends}, but: {verdict.grade} {verdict.rationale}; {logs[-600:]!r}"
    if attack.prints not in logs:
        yield f"did not print {attack.prints!r}: {verdict.rationale}; {logs[-600:]!r}"


def _leaks(attacked: Attacked, record: CaseRecord, run: Path, logs: bytes) -> Iterator[str]:
    """Yield every file that holds the canary, and what the program came to know of the hidden calls."""
    for path in sorted(run.rglob("*")):
        if path.is_symlink():
            yield f"a link: {path}"
        elif path.is_file() and CANARY.encode() in path.read_bytes():
            yield f"the canary is in {path.name}"
    observed = record.notes.get("observed")
    answers = observed.get("answers") if isinstance(observed, Mapping) else None
    said = logs + json.dumps(list(answers.values()) if isinstance(answers, Mapping) else []).encode()
    yield from (f"a hidden call came out: {secret!r}" for secret in attacked.secrets if secret in said)


def _read_logs(run: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(run.rglob("*.log")))


@contextmanager
def _planted_canary() -> Iterator[None]:
    os.environ[CANARY_VARIABLE] = CANARY
    try:
        yield
    finally:
        del os.environ[CANARY_VARIABLE]


@contextmanager
def _open_folder() -> Iterator[Path]:
    """Give a folder that every user can reach: what is in it is hidden by the box alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def main() -> None:
    """Run all attacks in one language and print what was wrong."""
    language = Language(sys.argv[1])
    chosen = [attack for attack in ATTACKS if attack.language is language and [*sys.argv, ""][2] in attack.name]
    with tempfile.TemporaryDirectory() as name:
        attacked = read_attacked(language, Path(name))
    read_harness(language)  # the other user may not be able to come here
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(ORDINARY_ID)
        os.setuid(ORDINARY_ID)
    os.chdir("/")
    find_sandbox("bubblewrap")
    wrong = {attack.name: found for attack in chosen if (found := run_attack(attack, attacked))}
    print(json.dumps({"user": os.getuid(), "ran": len(chosen), "wrong": wrong}))  # noqa: T201


if __name__ == "__main__":
    main()
