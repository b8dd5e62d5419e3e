"""mode=quiz: questions from a CSV are asked in text; the answer must have the right words, and please a judge."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evalkit.clock import Clock
from evalkit.datasets.files import dataset_manifest, read_text
from evalkit.datasets.tables import read_table
from evalkit.modes.attempt import Evidence, make_attempt
from evalkit.modes.mode import Mode, ModeData, Work
from evalkit.peers.peers import Peers
from evalkit.records.case import Case, CaseTrial
from evalkit.records.faults import Stage
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord, Turn, Words
from evalkit.settings.types import ModeChoice, Provider, RunSettings
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class QuizChoice(ModeChoice):
    facts_file: Path


@dataclass(frozen=True)
class Candidate:
    provider: Provider
    model: str | None


@dataclass(frozen=True, kw_only=True)
class QuizSettings(RunSettings):
    mode: QuizChoice
    assistant: Candidate


class Quiz(Mode[QuizSettings, ModeData]):
    name = "quiz"
    settings_type = QuizSettings
    layout = ResultLayout(
        mode="quiz",
        columns=("question_id", "user_text", "assistant_text", "status", "failure_stage", "error_message"),
        latency_columns=("latency_response_done_ms",),
        answer_latency="latency_response_done_ms",
    )

    def read(self, settings: QuizSettings) -> ModeData:
        rows = read_table(settings.mode.data_csv, ("question_id", "question", "answer")).rows[: settings.max_examples]
        cases = [
            Case(
                row.cells["question_id"],
                self.name,
                {"question": row.cells["question"], "answer": row.cells["answer"]},
                required_graders=("right", "to_the_point"),
            )
            for row in rows
        ]
        files = [settings.mode.data_csv, settings.mode.facts_file]
        return ModeData(tuple(cases), tuple(dataset_manifest(files)))

    def graders(self, settings: QuizSettings, case: Case) -> Sequence[GraderSpec]:
        criterion = {"criteria": "The assistant answers in at most two sentences."}
        return (
            GraderSpec("right", "contains", {"texts": [str(case.inputs["answer"])]}, GradeLevel.TRACE),
            GraderSpec("to_the_point", "llm_as_judge", criterion, GradeLevel.TRACE),
        )

    def fingerprint(self, settings: QuizSettings, data: ModeData, case: Case) -> JsonObject:
        facts = sha256(read_text(settings.mode.facts_file).encode()).hexdigest()
        provider = settings.assistant.provider
        return {"mode": self.name, "model": settings.assistant.model, "at": provider.base_url, "facts_sha256": facts}

    @asynccontextmanager
    async def open(
        self, settings: QuizSettings, data: ModeData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        model = str(settings.assistant.model)
        candidate, facts = peers.text("assistant", model, Stage.RESPONSE_ERROR), read_text(settings.mode.facts_file)

        async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
            async def ask(evidence: Evidence) -> None:
                question, asked_at = str(trial.case.inputs["question"]), clock.now()
                answer = await candidate.ask(facts, question)
                latencies: Mapping[str, float] = {"latency_response_done_ms": (clock.now() - asked_at) * 1000}
                evidence.turns.append(Turn(1, question, (Words(answer.text),), latencies=latencies, usage=answer.usage))
                evidence.cost_usd["assistant"] = peers.prices.cost_usd(answer.usage, model)
                evidence.served_model = answer.model

            effective = self.fingerprint(settings, data, trial.case)
            return await make_attempt(trial, effective, ask, clock=clock, timeout_s=settings.limits.case_timeout_s)

        yield work


QUIZ = Quiz()
