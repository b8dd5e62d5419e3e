"""mode=quiz: questions are asked in text; the answer must have the right words, and please a judge."""

from contextlib import asynccontextmanager
from hashlib import sha256

from evalkit.datasets.files import dataset_manifest, read_text
from evalkit.datasets.tables import read_table
from evalkit.modes.attempt import make_attempt
from evalkit.modes.mode import Mode, ModeData
from evalkit.records.case import Case
from evalkit.records.faults import Stage
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.layout import ResultLayout
from evalkit.records.record import Turn, Words
from evalkit.settings.types import TextSettings

TO_THE_POINT = {"criteria": "The assistant answers in at most two sentences."}


class Quiz(Mode[TextSettings, ModeData]):
    name = "quiz"
    settings_type = TextSettings
    layout = ResultLayout(
        mode="quiz",
        columns=("question_id", "user_text", "assistant_text", "status", "failure_stage", "error_message"),
        latency_columns=("latency_response_done_ms",),
        answer_latency="latency_response_done_ms",
    )

    def read(self, settings):
        rows = read_table(settings.mode.data_csv, ("question_id", "question", "answer")).rows
        cases = tuple(
            Case(row.cells["question_id"], self.name, dict(row.cells), required_graders=("right", "to_the_point"))
            for row in rows
        )
        files = [settings.mode.data_csv, settings.assistant.system_prompt_file]
        return ModeData(cases[: settings.max_examples], tuple(dataset_manifest(files)))

    def graders(self, settings, case):
        return (
            GraderSpec("right", "contains", {"texts": [case.inputs["answer"]]}, GradeLevel.TRACE),
            GraderSpec("to_the_point", "llm_as_judge", TO_THE_POINT, GradeLevel.TRACE),
            *super().graders(settings, case),
        )

    def fingerprint(self, settings, data, case):
        system_prompt = read_text(settings.assistant.system_prompt_file)
        return {
            "model": settings.assistant.model,
            "base_url": settings.assistant.provider.base_url,
            "prompt_sha256": sha256(system_prompt.encode()).hexdigest(),
        }

    @asynccontextmanager
    async def open(self, settings, data, peers, run, clock):
        model, system_prompt = settings.assistant.model, read_text(settings.assistant.system_prompt_file)
        candidate = peers.text("assistant", model, Stage.RESPONSE_ERROR)

        async def work(trial, attempt):
            async def ask(evidence):
                question, asked_at = trial.case.inputs["question"], clock.now()
                answer = await candidate.ask(system_prompt, question)
                latencies = {"latency_response_done_ms": (clock.now() - asked_at) * 1000}
                evidence.turns.append(Turn(1, question, (Words(answer.text),), latencies=latencies, usage=answer.usage))
                evidence.cost_usd["assistant"] = peers.prices.cost_usd(answer.usage, model)
                evidence.served_model = answer.model

            fingerprint = self.fingerprint(settings, data, trial.case)
            return await make_attempt(trial, fingerprint, ask, clock=clock, timeout_s=settings.limits.case_timeout_s)

        yield work


QUIZ = Quiz()
