"""mode=quiz: questions are asked in text; the answer must have the right words, and please a judge."""

from contextlib import asynccontextmanager

from evalkit.datasets.files import dataset_manifest
from evalkit.datasets.ids import find_id_problems
from evalkit.datasets.tables import find_empty_cells, read_table
from evalkit.errors import DataError
from evalkit.modes.attempt import make_attempt
from evalkit.modes.mode import Mode, ModeData
from evalkit.modes.text_assistant import fingerprint_assistant, prompt_files, read_prompt, sampling_of
from evalkit.providers.text_model import AnswerCut
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
        table = read_table(settings.mode.data_csv, ("question_id", "question", "answer"))
        problems = [*find_id_problems(table, "question_id"), *find_empty_cells(table, "question", "answer")]
        if problems:
            raise DataError(problems)
        cases = tuple(
            Case(row.cells["question_id"], self.name, dict(row.cells), required_graders=("right", "to_the_point"))
            for row in table.rows
        )
        files = dataset_manifest([settings.mode.data_csv, *prompt_files(settings)])
        return ModeData(cases[: settings.max_examples], tuple(files))

    def graders(self, settings, case):
        return (
            GraderSpec("right", "contains", {"texts": [case.inputs["answer"]]}, GradeLevel.TRACE),
            GraderSpec("to_the_point", "llm_as_judge", TO_THE_POINT, GradeLevel.TRACE),
            *super().graders(settings, case),
        )

    def fingerprint(self, settings, data, case):
        return {"mode": self.name, "assistant": fingerprint_assistant(settings)}

    @asynccontextmanager
    async def open(self, settings, data, peers, run, clock):
        model, prompt = settings.assistant.model, read_prompt(settings)
        candidate = peers.text("assistant", model, Stage.RESPONSE_ERROR)

        async def work(trial, attempt):
            async def ask(evidence):
                question, asked_at = trial.case.inputs["question"], clock.now()
                try:
                    answer = await candidate.ask(prompt, question, **sampling_of(settings))
                except AnswerCut as cut:  # what had come is evidence, and no answer
                    evidence.turns.append(Turn(1, question, (Words(cut.answer.text),), status="cut"))
                    raise
                latencies = {"latency_response_done_ms": (clock.now() - asked_at) * 1000}
                evidence.turns.append(Turn(1, question, (Words(answer.text),), latencies=latencies, usage=answer.usage))
                evidence.cost_usd["assistant"] = peers.cost_usd(answer, model)
                evidence.served_model = answer.model

            fingerprint = self.fingerprint(settings, data, trial.case)
            return await make_attempt(trial, fingerprint, ask, clock=clock, timeout_s=settings.limits.case_timeout_s)

        yield work


QUIZ = Quiz()
