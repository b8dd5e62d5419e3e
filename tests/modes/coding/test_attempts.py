"""One attempt: whatever the model answers and however its program ends, there is one record that says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from coding_tasks import HALF, ORACLE
from fake_clock import FakeClock
from scripted_sandbox import AskedBox, ScriptedSandbox, box_result

from evalkit.errors import CaseFailure, SandboxError
from evalkit.modes.coding.attempts import CodeAnswer, CodingSetup, attempt_task
from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.execution import Boxes
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.providers.text_model import Answer, AnswerCut
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Fault, Stage
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord, Usage, from_json, to_json
from evalkit.sandbox.box import BoxResult, Ending
from evalkit.store.run_directory import RunDirectory

Attempt: TypeAlias = Callable[..., Any]


def fenced(diff: str) -> str:
    """Return an answer as models write it."""
    return f"Here is the change.\n\n```diff\n{diff}```\n"


def doubling(asked: AskedBox) -> BoxResult:
    """Answer as the file in the workspace would: it is read, not run."""
    source = asked.job.workspace["doubling.py"].decode()
    answers = []
    for line in asked.requests or ():
        call = json.loads(line)
        value = call["args"][0] if call["args"] else None
        if call["fn"] == "name":
            answers.append({"ok": "double"})
        elif value is None:
            answers.append({"error": "TypeError", "message": "None"})
        elif "+ 1" in source:
            answers.append({"ok": value * 2 + 1} if isinstance(value, int) else {"error": "TypeError"})
        else:
            answers.append({"ok": value * 2})
    return box_result(answers=tuple(json.dumps(answer).encode() for answer in answers), stdout=b"said \xff")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


@pytest.fixture
def attempt(
    tmp_path: Path, one_task: Task, make_settings: Callable[..., CodingSettings], pool: ThreadPoolExecutor
) -> Attempt:
    """Attempt the task with scripted answers; each line of the conversation is kept in `asked`."""

    async def make(
        *answers: str | Exception,
        overrides: Sequence[str] = (),
        box: Callable[[AskedBox], BoxResult] = doubling,
        asked: list[list[JsonObject]] | None = None,
        sandbox: ScriptedSandbox | None = None,
    ) -> CaseRecord:
        async def answer(trial: CaseTrial, messages: Sequence[JsonObject], number: int) -> CodeAnswer:
            if asked is not None:
                asked.append(list(messages))
            given = answers[number - 1]
            if isinstance(given, Exception):
                raise given
            return CodeAnswer(given, model="m", cost_usd=0.5, reasoning="I think." if "think" in given else "")

        toolchain = Toolchain(Language.PYTHON, "/usr/bin/python3", "3.11")
        setup = CodingSetup(
            make_settings(*overrides),
            {one_task.task_id: one_task},
            {Language.PYTHON: toolchain},
            Boxes(sandbox or ScriptedSandbox(box), pool),
            answer,
            RunDirectory(tmp_path / "run"),
            FakeClock(),
        )
        record = await attempt_task(setup, CaseTrial(make_case(one_task), 1, 7), {"mode": "coding"})
        return from_json(json.loads(json.dumps(to_json(record))))

    return make


def observed(record: CaseRecord) -> Any:
    return record.notes["observed"]


async def test_a_right_patch_is_observed_as_such(attempt: Attempt, tmp_path: Path) -> None:
    """Answers, the level of the patch, what it took, and a file of everything that is to read."""
    record = await attempt(fenced(ORACLE))
    assert record.failure is None
    assert observed(record)["status"] == "answered"
    assert observed(record)["patch_level"] == 0
    assert observed(record)["answers"]["three"] == {"ok": 6}
    assert record.measures == {"patch_level": 0, "run_ms": 10, "peak_memory_mb": 1}
    assert record.cost_usd == {"assistant": 0.5}
    assert record.turns[0].assistant_text.startswith("Here is the change.")
    folder = tmp_path / "run" / "files" / "python_double"
    assert {path.name for path in folder.iterdir()} == {
        "prompt.md",
        "response.md",
        "patch.diff",
        "run.log",
        "calls.json",
    }
    assert (folder / "run.log").read_bytes() == b"said \xff"
    calls = json.loads((folder / "calls.json").read_text(encoding="utf-8"))["calls"]
    assert calls[1] == {
        "id": "three", "fn": "double", "args": [3], "expected": {"expect": 6}, "got": {"ok": 6}, "right": True,
    }  # fmt: skip
    assert record.artifacts["patch_path"] == "files/python_double/patch.diff"


async def test_nothing_is_known_of_right_and_wrong(attempt: Attempt) -> None:
    """A half solution is observed like a whole one: the record has answers, and no verdict."""
    right, half = await attempt(fenced(ORACLE)), await attempt(fenced(HALF))
    assert observed(right).keys() == observed(half).keys()
    assert "pass" not in json.dumps(observed(right))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("I cannot do that.", "no_patch"),
        ("", "no_patch"),
        (
            fenced(ORACLE.replace("doubling.py", "tests.py").replace("--- a/tests.py", "--- /dev/null")),
            "protected_path",
        ),
        (fenced(ORACLE.replace("number + number + 1", "something else")), "invalid_patch"),
    ],
)
async def test_what_cannot_be_applied_is_a_status_and_no_box(attempt: Attempt, answer: str, status: str) -> None:
    """With the reason; nothing is run."""
    sandbox = ScriptedSandbox(doubling)
    record = await attempt(answer, sandbox=sandbox)
    assert (observed(record)["status"], observed(record)["patch_level"]) == (status, None)
    assert observed(record)["reason"]
    assert sandbox.asked == []
    assert record.failure is None


async def test_strict_takes_no_patch_with_wrong_numbers(attempt: Attempt) -> None:
    """What leniency would take at level 1, ``mode.lenient=false`` refuses."""
    off = fenced(ORACLE.replace("@@ -1,5 +1,5 @@", "@@ -1,9 +1,9 @@"))
    assert observed(await attempt(off))["patch_level"] == 1
    assert observed(await attempt(off, overrides=["mode.lenient=false"]))["status"] == "invalid_patch"


async def test_how_the_program_ended_is_in_the_record(attempt: Attempt) -> None:
    """A timeout is the candidate's, and something to grade."""
    record = await attempt(fenced(ORACLE), box=lambda _: box_result(Ending.TIMEOUT))
    assert observed(record)["status"] == "timeout"
    assert record.scored


async def test_a_box_that_cannot_be_made_is_the_machines_fault(attempt: Attempt) -> None:
    """It is no grade, and says why."""

    def broken(_: AskedBox) -> BoxResult:
        raise SandboxError("no namespaces left")

    record = await attempt(fenced(ORACLE), box=broken)
    assert record.failure is not None
    assert (record.failure.stage, record.fault) == ("sandbox", Fault.INFRASTRUCTURE)
    assert "no namespaces left" in record.failure.message
    assert not record.scored
    examples = await attempt(fenced(HALF), fenced(ORACLE), box=broken, overrides=["mode.repair_rounds=1"])
    assert examples.fault is Fault.INFRASTRUCTURE


@pytest.mark.parametrize("kind", ["rate_limited", "a_code_that_nobody_knows"])
async def test_a_failed_request_leaves_what_there_was(attempt: Attempt, tmp_path: Path, kind: str) -> None:
    """The prompt can be read, the fault is the provider's, whatever it calls it."""
    record = await attempt(CaseFailure("response_error", kind, "slow down"))
    assert record.fault is Fault.INFRASTRUCTURE
    assert (tmp_path / "run" / record.artifacts["prompt_path"]).read_text(encoding="utf-8").startswith("`double(")


async def test_a_dry_run_writes_the_prompt_and_asks_nobody(attempt: Attempt, tmp_path: Path) -> None:
    """Nothing is graded: there is no observation."""
    sandbox, asked = ScriptedSandbox(), list[list[JsonObject]]()
    record = await attempt(overrides=["mode.dry_run=true"], sandbox=sandbox, asked=asked)
    assert (sandbox.asked, asked, record.notes, record.failure) == ([], [], {}, None)
    assert "doubling.py" in record.turns[0].user_text
    assert [path.name for path in (tmp_path / "run" / "files" / "python_double").iterdir()] == ["prompt.md"]


async def test_a_repair_round_shows_the_public_examples_only(attempt: Attempt, tmp_path: Path) -> None:
    """The model sees what went wrong there, answers again, and both rounds are recorded and priced."""
    asked: list[list[JsonObject]] = []
    wrong = fenced(HALF.replace("abs(number) + abs(number)", "number + number + 1 + 0"))
    sandbox = ScriptedSandbox(doubling)
    record = await attempt(wrong, fenced(ORACLE), overrides=["mode.repair_rounds=3"], asked=asked, sandbox=sandbox)
    assert [len(turn) for turn in asked] == [1, 3]
    assert "`double(1)`: got 3, expected 2" in str(asked[1][2]["content"])
    assert [turn.turn_index for turn in record.turns] == [1, 2]
    assert record.cost_usd == {"assistant": 1.0}
    assert [len(box.requests or ()) for box in sandbox.asked] == [1, 1, 6]
    assert observed(record)["status"] == "answered"
    assert (tmp_path / "run" / "files" / "python_double" / "response.2.md").exists()
    assert record.artifacts["prompt_path"].endswith("prompt.2.md")


async def test_the_last_round_counts_whatever_came_before(attempt: Attempt) -> None:
    """A model that gives up after a patch has no patch."""
    record = await attempt("?", "I give up.", overrides=["mode.repair_rounds=1"])
    assert observed(record)["status"] == "no_patch"
    assert "was not applied" in record.turns[1].user_text


async def test_what_had_come_of_a_cut_answer_is_kept(attempt: Attempt, tmp_path: Path) -> None:
    """It is evidence and no answer: nothing is built from it, its price is unknown, and the line is to blame."""
    lost = CaseFailure(Stage.RESPONSE_ERROR, "connection_closed", "the stream ended early")
    came = Answer("```diff\n--- a/dou", None, "", Usage(10), "m", reasoning="I think.")
    record = await attempt(AnswerCut(lost, came))
    assert record.failure is not None
    assert (record.failure.error_type, record.fault) == ("connection_closed", Fault.INFRASTRUCTURE)
    [turn] = record.turns
    assert (turn.assistant_text, turn.status, turn.usage.input_tokens) == ("```diff\n--- a/dou", "cut", 10)
    assert record.cost_usd == {"assistant": None}
    assert "observed" not in record.notes
    assert (tmp_path / "run" / record.artifacts["response_path"]).read_text(encoding="utf-8") == "```diff\n--- a/dou"
