"""One attempt at a task: prompt, answer, patch, program, observation; perhaps several rounds of the first four."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evalkit.clock import Clock
from evalkit.errors import CaseFailure, SandboxError
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.coding.answer import extract_edit
from evalkit.modes.coding.attempt_files import AttemptFiles
from evalkit.modes.coding.edits import AppliedEdit, RefusedEdit
from evalkit.modes.coding.execution import Boxes, Execution
from evalkit.modes.coding.feedback import tell_execution, tell_refused
from evalkit.modes.coding.patch import apply_edit, editable_files
from evalkit.modes.coding.prompt import write_prompt
from evalkit.modes.coding.settings import CodingModeSettings, CodingSettings
from evalkit.modes.coding.task import Language, Task, TaskCall
from evalkit.modes.coding.toolchains import Toolchain
from evalkit.providers.text_model import AnswerCut
from evalkit.records.case import CaseTrial
from evalkit.records.faults import Fault, Stage
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import CaseRecord, Turn, Usage, Words
from evalkit.store.run_directory import RunDirectory

SANDBOX_STAGE = "sandbox"
# A model that answers nothing usable has answered; a request that fails, in whatever words, is the provider's.
STAGES: Mapping[str, Fault] = {
    SANDBOX_STAGE: Fault.INFRASTRUCTURE,
    Stage.RESPONSE_ERROR: Fault.INFRASTRUCTURE,
}
_LOG_CHARS = 8_000  # of a log, in the record; the file has all that was kept


@dataclass(frozen=True)
class CodeAnswer:
    """What was answered in one round, by whom, and what it took.

    Attributes:
        ended: Why the answer ended, in the provider's word; empty: it did not say.
        reasoning: What the model thought aloud, kept apart; never searched for a patch.
        is_last: There is no further round to ask for.

    """

    text: str
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    latencies: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float | None = 0.0
    ended: str = ""
    reasoning: str = ""
    is_last: bool = False


Answerer = Callable[[CaseTrial, Sequence[JsonObject], int], Awaitable[CodeAnswer]]
"""Case-trial, the conversation so far, the round (counts from 1) -> the answer. Raises CaseFailure."""


@dataclass(frozen=True)
class CodingSetup:
    """What all attempts of a run share; `boxes` is None in a dry run."""

    settings: CodingSettings
    tasks: Mapping[str, Task]
    toolchains: Mapping[Language, Toolchain]
    boxes: Boxes | None
    answer: Answerer
    run: RunDirectory
    clock: Clock


async def attempt_task(setup: CodingSetup, trial: CaseTrial, fingerprint: JsonObject) -> CaseRecord:
    """Return the record of one attempt. Never raises for what goes wrong in it."""
    task = setup.tasks[trial.case.case_id]
    attempt = _Attempt(setup, trial, task, AttemptFiles(setup.run.files_dir(trial.key), task))
    return await make_attempt(
        trial,
        fingerprint,
        attempt.run,
        attempt.conclude,
        clock=setup.clock,
        timeout_s=setup.settings.limits.case_timeout_s,
        stages=STAGES,
    )


def patch_workspace(task: Task, answer: str, chosen: CodingModeSettings) -> AppliedEdit | RefusedEdit:
    """Return the workspace of `task` as `answer` changes it, or why it changes nothing."""
    edit = extract_edit(answer, chosen.asked_format, editable_files(task.workspace, task.editable))
    if isinstance(edit, RefusedEdit):
        return edit
    return apply_edit(edit, task.workspace, task.editable, lenient=chosen.lenient)


@dataclass
class _Attempt:
    """The state of one attempt, and its steps."""

    setup: CodingSetup
    trial: CaseTrial
    task: Task
    files: AttemptFiles

    async def run(self, evidence: Evidence) -> None:
        chosen = self.setup.settings.mode
        prompt = write_prompt(self.task, chosen.asked_format, include_tests=chosen.include_tests)
        if chosen.dry_run:
            self.files.begin_round(prompt)
            evidence.turns.append(Turn(1, prompt))
            return
        edited = await self._converse(evidence, prompt)
        try:
            await self._observe(evidence, edited)
        except SandboxError as error:
            raise CaseFailure(SANDBOX_STAGE, "box_failed", str(error)) from error

    def conclude(self, evidence: Evidence) -> None:
        """Write what there is to read."""
        root = self.setup.run
        evidence.artifacts |= {name: root.relative(path) for name, path in self.files.write().items()}

    async def _converse(self, evidence: Evidence, prompt: str) -> AppliedEdit | RefusedEdit:
        """Ask until the public examples are answered, or no round is left; return what the last answer changes."""
        chosen, boxes = self.setup.settings.mode, self._boxes()
        messages: list[JsonObject] = [{"role": "user", "content": prompt}]
        for number in range(1, chosen.repair_rounds + 2):
            told = str(messages[-1]["content"])
            self.files.begin_round(told)
            try:
                answer = await self.setup.answer(self.trial, messages, number)
            except AnswerCut as cut:
                self._take_answer(evidence, told, _what_came(cut))
                raise
            self._take_answer(evidence, told, answer)
            edited = await boxes.call(patch_workspace, self.task, answer.text, chosen)
            self.files.patch = edited.diff if isinstance(edited, AppliedEdit) else ""
            if number > chosen.repair_rounds or answer.is_last:
                break
            feedback = await self._try_examples(edited)
            if not feedback:
                break
            messages += [{"role": "assistant", "content": answer.text}, {"role": "user", "content": feedback}]
        return edited

    def _take_answer(self, evidence: Evidence, told: str, answer: CodeAnswer) -> None:
        self.files.take_answer(answer.text, answer.reasoning)
        evidence.turns.append(
            Turn(
                len(evidence.turns) + 1,
                told,
                (Words(answer.text),),
                latencies=answer.latencies,
                usage=answer.usage,
                status=answer.ended or "completed",
            )
        )
        spent, more = evidence.cost_usd.get("assistant", 0.0), answer.cost_usd
        evidence.cost_usd["assistant"] = None if spent is None or more is None else spent + more
        evidence.served_model = answer.model

    async def _try_examples(self, edited: AppliedEdit | RefusedEdit) -> str:
        asked_format = self.setup.settings.mode.asked_format
        if isinstance(edited, RefusedEdit):
            return tell_refused(edited.reason, asked_format)
        try:
            return tell_execution(self.task, await self._execute(edited, self.task.examples), asked_format)
        except SandboxError as error:
            raise CaseFailure(SANDBOX_STAGE, "box_failed", str(error)) from error

    async def _observe(self, evidence: Evidence, edited: AppliedEdit | RefusedEdit) -> None:
        """Put into the evidence what the patched program answers to the hidden calls, or why there is none."""
        if isinstance(edited, RefusedEdit):
            evidence.notes["observed"] = {"status": str(edited.status), "reason": edited.reason, "patch_level": None}
            return
        found = await self._execute(edited, self.task.judge.calls)
        self.files.execution = found
        evidence.notes["observed"] = {**found.observation, "patch_level": edited.level}
        evidence.notes["shown"] = _shown(edited, found)
        evidence.notes["time_scale"] = round(self._boxes().scale, 3)
        measured = {
            "patch_level": edited.level,
            "build_ms": found.build_ms,
            "run_ms": found.run_ms,
            "peak_memory_mb": found.peak_memory_mb,
        }
        evidence.measures |= {name: value for name, value in measured.items() if value is not None}

    async def _execute(self, edited: AppliedEdit, calls: Sequence[TaskCall]) -> Execution:
        boxes, toolchain = self._boxes(), self.setup.toolchains[self.task.language]
        return await boxes.call(boxes.execute, self.task, edited.files, toolchain, calls)

    def _boxes(self) -> Boxes:
        assert self.setup.boxes is not None  # noqa: S101 - only a dry run has none, and it ends before
        return self.setup.boxes


def _what_came(cut: AnswerCut) -> CodeAnswer:
    """Return what had come of an answer before its line broke; nobody knows what it cost."""
    came = cut.answer
    return CodeAnswer(
        came.text, model=came.model, usage=came.usage, cost_usd=None, ended="cut", reasoning=came.reasoning
    )


def _shown(edited: AppliedEdit, found: Execution) -> dict[str, Json]:
    """Return what a page shows of a program, bounded."""
    logs = {"build_log": found.build_log, "run_log": found.run_log}
    texts = {name: log.decode("utf-8", "replace")[-_LOG_CHARS:] for name, log in logs.items()}
    return {"diff": edited.diff[: 8 * _LOG_CHARS], **texts}
