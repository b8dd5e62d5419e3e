"""mode=coding: a model changes a program; its patch is built and called in a box, and its answers are judged outside.

What runs here never sees what is expected: the record keeps what a program answered, and the grader ``tests``
compares it with what the case expects, today or years later (``evalkit score``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.clock import Clock
from evalkit.datasets.files import dataset_manifest
from evalkit.errors import ConfigError, DataError, SandboxError
from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.modes.coding.attempts import STAGES, Answerer, CodingSetup, attempt_task
from evalkit.modes.coding.cases import make_case
from evalkit.modes.coding.execution import open_boxes
from evalkit.modes.coding.go_packages import with_go_packages
from evalkit.modes.coding.languages import Languages, find_languages
from evalkit.modes.coding.layout import CODING_LAYOUT
from evalkit.modes.coding.paid_answers import keep_answers
from evalkit.modes.coding.programs import harness_sha256
from evalkit.modes.coding.prompt import write_prompt
from evalkit.modes.coding.proving import find_unproved, prove_tasks
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.starter import start_with_task
from evalkit.modes.coding.stored_answers import StoredAnswers, read_stored_answers
from evalkit.modes.coding.task import Language, Task
from evalkit.modes.coding.tasks import read_tasks, task_files
from evalkit.modes.coding.who_answers import ask_model, give_stored
from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, ModeData, Say, Starter, Work
from evalkit.modes.text_assistant import fingerprint_assistant, read_prompt
from evalkit.peers.peers import Peers
from evalkit.peers.proofs import Proofs
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.settings.names import did_you_mean
from evalkit.settings.resources import resource_dir
from evalkit.store.run_directory import RunDirectory

# An answer is a diff of a few lines, or a file and some reasoning.
_ANSWER_TOKENS = Range(150.0, 3000.0)
_NO_LANGUAGES = Languages("", {}, ())


@dataclass(frozen=True)
class CodingData(ModeData):
    """Tasks that can be run here, and with what.

    Attributes:
        tasks: Id -> task, of the cases.
        languages: The sandbox and the toolchains of this machine.
        answers: What was answered already; None: a model is asked.
        proved: The tasks that ``evalkit check`` proves: all that can be run here, answered or not.

    """

    tasks: Mapping[str, Task] = field(default_factory=dict)
    languages: Languages = _NO_LANGUAGES
    answers: StoredAnswers | None = None
    proved: tuple[Task, ...] = ()


_HOLDS_CONVERSATIONS = "local-agent"
_RECORDED = "-recorded"
_CODERS = "assistant.model=oracle (right solutions), provider=local_coder, or provider=openrouter assistant.model=MODEL"


class CodingMode(Mode[CodingSettings, CodingData]):
    """A kind of case: a task, and a model that changes its program."""

    name = "coding"
    settings_type = CodingSettings
    layout = CODING_LAYOUT
    stages = STAGES
    models = ("coder", "judge")
    idle_keys = COMMON_IDLE_KEYS

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return what cannot be asked for at once."""
        chosen = config["mode"]
        if chosen["dry_run"] and chosen["responses"] is not None:
            return ["mode.dry_run: true, but mode.responses names answers to grade; leave out one of the two"]
        return []

    def settle(self, resolved: dict[str, Any]) -> None:
        """Name no model where none is asked."""
        chosen = resolved["mode"]
        if chosen["dry_run"] or chosen["responses"] is not None:
            resolved["assistant"]["model"] = None

    def needs(self, settings: CodingSettings) -> frozenset[str]:
        """Return the assistant, where one is asked."""
        chosen = settings.mode
        return frozenset() if chosen.dry_run or chosen.responses is not None else super().needs(settings)

    def read(self, settings: CodingSettings) -> CodingData:
        """Return the tasks that can be run here. Raises DataError or ConfigError with everything that is wrong."""
        chosen = settings.mode
        tasks = read_tasks(chosen.tasks_dir, chosen.tasks)
        languages = (
            _NO_LANGUAGES if chosen.dry_run else find_languages(chosen.sandbox, [task.language for task in tasks])
        )
        able = [task for task in tasks if chosen.dry_run or task.language in languages.toolchains]
        notes = [*_name_skipped(tasks, able, languages)]
        notes += _describe_embedded(settings)
        if languages.sandbox == "none":
            notes.append("mode.sandbox=none: what a model writes runs with all your rights, and nothing keeps it in")
        if not able:
            raise DataError([f"mode.tasks_dir: no task of {chosen.tasks_dir} can be run here", *notes])
        answers, proved = None, able
        if chosen.responses is not None:
            answers = read_stored_answers(chosen.responses, [task.task_id for task in able])
            notes += _name_unanswered(able, answers, {path.name for path in chosen.tasks_dir.iterdir()})
            able = [task for task in able if answers.has(task.task_id)]
        odd, notes = tuple(notes), [*notes, *_name_unproved(settings, proved, languages)]
        cases = tuple(make_case(task) for task in able)
        taken = cases[: settings.max_examples]
        missing = answers.find_missing([case.case_id for case in taken], settings.trials) if answers else []
        return CodingData(
            cases=taken,
            datasets=tuple(dataset_manifest([path for task in able for path in task_files(task)])),
            left_out=cases[len(taken) :],
            problems=tuple(missing),
            notes=tuple(notes),
            oddities=odd,
            table=_table(able, languages),
            tasks={task.task_id: task for task in able[: len(taken)]},
            proved=tuple(proved),
            languages=languages,
            answers=answers,
        )

    def read_expectations(self, settings: CodingSettings) -> Sequence[Case]:
        """Return the tasks with what they expect today, whatever can be run here."""
        return [make_case(task) for task in read_tasks(settings.mode.tasks_dir, settings.mode.tasks)]

    def graders(self, settings: CodingSettings, case: Case) -> Sequence[GraderSpec]:
        """Return the tests, and where leniency is allowed the same without it; nothing in a dry run."""
        if settings.mode.dry_run:
            return ()
        strict = GraderSpec("tests_strict", "tests", {"strict": True}, GradeLevel.TRACE, required=False)
        tests = GraderSpec("tests", "tests", {}, GradeLevel.TRACE)
        return (tests, *((strict,) if settings.mode.lenient else ()), *super().graders(settings, case))

    def fingerprint(self, settings: CodingSettings, data: CodingData, case: Case) -> JsonObject:
        """Return what decides the record: who answers and how it is asked, and in what its program runs."""
        chosen, language = settings.mode, Language(str(case.inputs["language"]))
        toolchain = data.languages.toolchains.get(language)
        return {
            "mode": self.name,
            "assistant": {"responses_sha256": data.answers.sha256(case.case_id)}
            if data.answers
            else fingerprint_assistant(settings),
            "edit_format": chosen.edit_format,
            "include_tests": chosen.include_tests,
            "lenient": chosen.lenient,
            "repair_rounds": chosen.repair_rounds,
            "dry_run": chosen.dry_run,
            "sandbox": data.languages.sandbox,
            "toolchain": toolchain.version if toolchain else None,
            "harness_sha256": harness_sha256(language) if toolchain else None,
        }

    def forecast(self, settings: CodingSettings, data: CodingData, rates: Rates) -> Iterator[tuple[CaseWork, Models]]:  # noqa: ARG002
        """Yield the prompt and the answer of each case, and as many again as there may be repair rounds."""
        chosen = settings.mode
        if not self.needs(settings):
            return
        models = Models(assistant=str(settings.assistant.model), judge=settings.judge.model)
        system = len(read_prompt(settings).encode())
        for case in data.cases:
            task = data.tasks[case.case_id]
            prompt = write_prompt(task, chosen.asked_format, include_tests=chosen.include_tests)
            work = CaseWork(
                shown_bytes=system + len(prompt.encode()),
                caller_ms=ZERO,
                turns=Range(1.0, 1.0 + chosen.repair_rounds),
                calls_tools=False,
                answer_tokens=_ANSWER_TOKENS,
            )
            yield work, models

    def prove(self, settings: CodingSettings, data: CodingData, say: Say) -> list[str]:
        """Return which tasks are not fair or not hard to fool: see :mod:`evalkit.modes.coding.proving`."""
        if settings.mode.dry_run:
            return []
        with open_boxes(data.languages.find_sandbox()) as boxes:
            return prove_tasks(list(data.proved), with_go_packages(data.languages.toolchains, boxes), boxes, say)

    @asynccontextmanager
    async def open(
        self, settings: CodingSettings, data: CodingData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that makes attempts. Raises ConfigError where no box can be made any more."""
        with ExitStack() as stack:
            boxes = None if settings.mode.dry_run else stack.enter_context(_opened(data))
            answer: Answerer = give_stored(data.answers) if data.answers else _asker(settings, peers, run, clock)
            toolchains = data.languages.toolchains
            if boxes is not None:
                toolchains = await boxes.call(with_go_packages, toolchains, boxes)
            setup = CodingSetup(settings, data.tasks, toolchains, boxes, answer, run, clock)

            async def work(trial: CaseTrial, attempt: int) -> CaseRecord:  # noqa: ARG001
                return await attempt_task(setup, trial, self.fingerprint(settings, data, trial.case))

            yield work

    def describe(self, settings: CodingSettings, data: CodingData) -> str:
        """Return the line of a job: tasks by language, who answers, in which format, and in what programs run."""
        chosen = settings.mode
        counted = Counter(str(case.inputs["language"]) for case in data.cases)
        by_language = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
        if chosen.dry_run:
            return f"coding, {len(data.cases)} tasks ({by_language}), dry run: prompts are written, nobody is asked"
        who = self.subject(settings)
        if data.answers is None:
            who += f" at {settings.assistant.provider.name} ({settings.assistant.provider.base_url or 'embedded'})"
        return (
            f"coding, {len(data.cases)} tasks ({by_language}) x {settings.trials} trials, {who}, "
            f"{chosen.edit_format}{'' if chosen.lenient else ' as it stands'}, sandbox {data.languages.sandbox}"
        )

    def subject(self, settings: CodingSettings) -> str:
        """Return the model, or where its answers were stored."""
        if settings.mode.dry_run:
            return "dry-run"
        place = settings.mode.responses
        return super().subject(settings) if place is None else f"responses-{place.stem}"

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a small task of one's own."""
        return start_with_task()


def _opened(data: CodingData) -> Any:
    try:
        return open_boxes(data.languages.find_sandbox())
    except SandboxError as error:
        raise ConfigError(f"mode.sandbox: {error}") from error


def _asker(settings: CodingSettings, peers: Peers, run: RunDirectory, clock: Clock) -> Answerer:
    if settings.mode.dry_run:
        return give_stored(StoredAnswers(Path()))
    return keep_answers(ask_model(settings, peers, clock), run.root / "answers", fingerprint_assistant(settings))


def _describe_embedded(settings: CodingSettings) -> Iterator[str]:
    """Yield what a newcomer should know of a model of the embedded provider that is no solver."""
    model = settings.assistant.model or ""
    if settings.assistant.provider.name != "local":
        return
    if model == _HOLDS_CONVERSATIONS:
        yield f"assistant.model={model} writes no code; choose one: {_CODERS}"
    elif model.endswith(_RECORDED):
        yield (
            f"{model.removesuffix(_RECORDED)} answered when its answers were recorded: the grades are its own, the "
            f"latencies are not. To measure another: {_CODERS}"
        )


def _name_unproved(settings: CodingSettings, tasks: Sequence[Task], languages: Languages) -> Iterator[str]:
    """Yield a line where tasks of one's own were never shown to be fair and hard to fool."""
    folder = settings.mode.tasks_dir
    if settings.mode.dry_run or folder == resource_dir("data") / "coding":
        return
    if unproved := find_unproved(tasks, languages.toolchains, languages.sandbox, Proofs.open()):
        yield f"{len(unproved)} of {len(tasks)} tasks of {folder} were not proved as they are; do so with evalkit check"


def _name_skipped(tasks: Sequence[Task], able: Sequence[Task], languages: Languages) -> Iterator[str]:
    """Yield a line for each language that cannot be run here, with the number of its tasks and what to install."""
    kept = {task.task_id for task in able}
    for missing in languages.missing:
        skipped = [task.task_id for task in tasks if task.language is missing.language and task.task_id not in kept]
        if skipped:
            yield f"{len(skipped)} {missing.language} tasks are skipped: {missing.reason}"


def _name_unanswered(able: Sequence[Task], answers: StoredAnswers, known: Collection[str]) -> list[str]:
    """Return a line where tasks have no answer; a name that is not `known` may be one of them, misspelt."""
    without = [task.task_id for task in able if not answers.has(task.task_id)]
    if not without:
        return []
    misspelt = answers.names - {*known}
    named = ", ".join(f"{task_id}{did_you_mean(task_id, misspelt)}" for task_id in without)
    return [f"mode.responses: {len(without)} tasks are skipped, {answers.place} has no answer to {named}"]


def _table(tasks: Sequence[Task], languages: Languages) -> str:
    """Return a line per task for ``evalkit check``."""
    header = ("task", "language", "kind", "difficulty", "judged by", "toolchain")
    rows = [header]
    for task in tasks:
        toolchain = languages.toolchains.get(task.language)
        version = toolchain.version if toolchain else "-"
        judged_by = f"{len(task.judge.calls) - len(task.decoys)} {'tests' if task.judge.has_suite else 'calls'}"
        rows.append((task.task_id, str(task.language), task.kind, task.difficulty, judged_by, version))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


CODING = CodingMode()
