"""Grading with a judge: verdicts, votes, and every way in which a judge can fail to answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evalkit.errors import CaseFailure
from evalkit.graders.apply import grade_record
from evalkit.graders.context import GraderServices, JudgeAnswer
from evalkit.graders.judge_verdict import ANSWER_SCHEMA
from evalkit.graders.registry import find_grader_problems
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import Grade, GradeLevel, GraderSpec
from evalkit.records.record import CaseRecord, Usage, Words

POLITE = GraderSpec("polite", "llm_as_judge", {"criteria": "The assistant is polite."})
WHOLE = replace(POLITE, level=GradeLevel.TRACE)
BRIEF = GraderSpec("brief", "instruction_following", {"criteria": "Say one sentence at most."})
SLOW = CaseFailure(Stage.GRADING, "request_timeout", "silent for 60 s")
REFUSED = CaseFailure(Stage.GRADING, "connection_refused", "nobody listens")


def says(verdict: str, quotation: str = "Sure", reasoning: str = "it said so") -> JudgeAnswer:
    parsed = {"evidence": [{"line": 2, "quote": quotation}], "reasoning": reasoning, "verdict": verdict}
    return JudgeAnswer(json.dumps(parsed), parsed, "", refused=False, model="judge-1", cost_usd=0.25)


def stutters(text: str, *, refused: bool = False) -> JudgeAnswer:
    return JudgeAnswer(text, None, "the answer is no JSON", refused=refused, model="judge-1", cost_usd=0.25)


class FakeJudge:
    """Gives each vote its answers in turn, the last one for ever."""

    def __init__(self, *votes: list[JudgeAnswer | Exception]) -> None:
        self.model = "judge"
        self.votes = len(votes)
        self.asked: list[tuple[str, str]] = []
        self._answers = {number: list(answers) for number, answers in enumerate(votes, start=1)}

    async def ask(self, instructions: str, text: str, schema: Any, *, vote: int) -> JudgeAnswer:
        assert schema is ANSWER_SCHEMA
        self.asked.append((instructions, text))
        answers = self._answers[vote]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def apply(record: CaseRecord, judge: FakeJudge | None, *specs: GraderSpec) -> list[Grade]:
    return await grade_record(record, "sha", specs or (POLITE,), GraderServices(judge=judge), lambda: "now")


@pytest.mark.parametrize(
    ("verdict", "grade", "note"),
    [
        ("pass", 1, "it said so"),
        ("fail", 0, "it said so"),
        ("not_applicable", None, "not applicable: it said so"),
        ("cannot_tell", None, "cannot tell: it said so"),
    ],
)
async def test_a_verdict_becomes_a_grade(make_record: Any, verdict: str, grade: float | None, note: str) -> None:
    """Pass and fail are 1 and 0; what the judge leaves open has no grade, with its reason."""
    [given] = await apply(make_record([], []), FakeJudge([says(verdict)]))
    assert (given.grade, given.rationale, given.evidence) == (grade, note, ("[2] Sure",))


async def test_a_judge_is_told_where_the_order_of_a_turn_is_not_known(make_record: Any) -> None:
    """A record of version 1 kept words and tool traffic apart; its judge must not take their order for certain."""
    record, judge = make_record([], [("look", {})]), FakeJudge([says("pass")])
    (turn,) = record.turns
    await apply(record, judge)
    await apply(replace(record, turns=(replace(turn, order_is_known=False),)), judge)
    certain, uncertain = (instructions for instructions, _ in judge.asked)
    assert "may stand together" not in certain
    assert "may stand together" in uncertain


async def test_a_judge_reads_words_before_the_call_they_were_said_before(make_record: Any) -> None:
    """Whether something was said before a tool was called can be judged."""
    record, judge = make_record([], [("look", {})]), FakeJudge([says("pass")])
    (turn,) = record.turns
    (call,) = turn.tool_calls
    steps = (Words("May I look?"), call, Words("It's here."))
    await apply(replace(record, turns=(replace(turn, steps=steps),)), judge)
    [(_, text)] = judge.asked
    assert '[2] turn 1 assistant: "May I look?"\n[4] turn 1 assistant: "It\'s here."' in text
    assert '[3] turn 1 call "look": {}' in text


async def test_a_grade_says_who_judged_and_how(make_record: Any) -> None:
    """Model, votes, agreement, prompt hash and cost stand in the grade, cost over all votes."""
    [grade] = await apply(make_record([], []), FakeJudge([says("pass")], [says("fail")], [says("pass")]))
    assert (grade.grade, grade.judge["verdicts"]) == (1, ["pass", "fail", "pass"])
    assert (grade.judge["model"], grade.judge["votes"], grade.judge["agreement"]) == ("judge-1", 3, 2 / 3)
    assert grade.judge["cost_usd"] == 0.75
    assert len(str(grade.judge["prompt_sha256"])) == 64


async def test_a_turn_is_judged_with_what_came_before_and_the_trace_as_a_whole(make_record: Any) -> None:
    """The turn in question is named, and later turns are not shown."""
    judge = FakeJudge([says("pass")])
    grades = await apply(make_record([], [], []), judge, POLITE, WHOLE)
    assert [grade.turn_index for grade in grades] == [1, 2, None]
    first, second, trace = (text for _, text in judge.asked)
    assert "turn 1\n" in first
    assert "[3]" not in first
    assert "[4]" in second
    assert "the whole call" in trace


async def test_a_turn_in_which_nothing_happened_is_not_judged(make_record: Any) -> None:
    """No words and no call: nothing to judge, and nobody is asked."""
    judge, quiet = FakeJudge([says("pass")]), make_record([], [], text="")
    [grade] = await apply(quiet, judge)
    assert (grade.grade, judge.asked) == (None, [])


async def test_a_silent_assistant_fails_without_asking(make_record: Any) -> None:
    """An assistant that said nothing at all by its own fault gets 0, and no judge is paid."""
    failure, judge = Failure(Stage.RESPONSE_EMPTY, "empty_response", "no output"), FakeJudge([says("pass")])
    [grade] = await apply(make_record([], [], text="", failure=failure, fault=Fault.ASSISTANT), judge)
    assert (grade.grade, judge.asked) == (0, [])


async def test_a_lost_case_is_not_judged(make_record: Any) -> None:
    """Infrastructure's fault costs neither the assistant a grade nor anybody a judge."""
    failure, judge = Failure(Stage.CONNECT, "connection_refused", "nobody"), FakeJudge([says("fail")])
    [grade] = await apply(make_record([], [], failure=failure, fault=Fault.INFRASTRUCTURE), judge)
    assert (grade.grade, judge.asked) == (None, [])


async def test_an_unreadable_answer_is_asked_for_again(make_record: Any) -> None:
    """The next answer counts, and both are paid for."""
    judge = FakeJudge([stutters("hm"), stutters(""), says("fail")])
    [grade] = await apply(make_record([], []), judge)
    assert (grade.grade, grade.judge["cost_usd"], len(judge.asked)) == (0, 0.75, 3)


@pytest.mark.parametrize("text", ["I'd say it passes", '{"verdict": "pass"}', ""])
async def test_a_judge_that_never_answers_in_json_is_no_zero(make_record: Any, text: str) -> None:
    """After the third try there is no grade; the raw text is kept as evidence."""
    judge = FakeJudge([stutters(text)])
    [grade] = await apply(make_record([], []), judge)
    assert (grade.grade, len(judge.asked)) == (None, 3)
    assert "no usable answer in 3 tries: the answer is no JSON" in grade.rationale
    assert grade.evidence == ((text,) if text else ())
    assert (grade.judge["agreement"], grade.judge["verdicts"]) == (None, ["none"])


async def test_a_refusal_is_not_argued_with(make_record: Any) -> None:
    """A judge that declines is asked once; its words are kept."""
    judge = FakeJudge([stutters("I can't help with that.", refused=True)])
    [grade] = await apply(make_record([], []), judge)
    assert (grade.grade, len(judge.asked), grade.evidence) == (None, 1, ("I can't help with that.",))
    assert "refused to judge" in grade.rationale


@pytest.mark.parametrize(("failure", "cost"), [(SLOW, None), (REFUSED, 0.0)])
async def test_a_judge_out_of_reach_is_no_zero(make_record: Any, failure: CaseFailure, cost: float | None) -> None:
    """Too slow, or not there: no grade, with the reason; what a lost request cost is unknown."""
    [grade] = await apply(make_record([], []), FakeJudge([failure]))
    assert (grade.grade, grade.judge["cost_usd"]) == (None, cost)
    assert failure.error_type in grade.rationale


async def test_contradicting_votes_decide_nothing(make_record: Any) -> None:
    """One for, one against: no grade, both reasons."""
    [grade] = await apply(
        make_record([], []), FakeJudge([says("pass", reasoning="kind")], [says("fail", reasoning="curt")])
    )
    assert (grade.grade, grade.judge["agreement"]) == (None, 0.5)
    assert "contradict" in grade.rationale
    assert "kind" in grade.rationale
    assert "curt" in grade.rationale


async def test_one_broken_vote_does_not_spoil_the_others(make_record: Any) -> None:
    """Two of three say the same: that is the grade."""
    [grade] = await apply(make_record([], []), FakeJudge([says("pass")], [SLOW], [says("pass")]))
    assert (grade.grade, grade.judge["agreement"]) == (1, 2 / 3)
    assert grade.judge["cost_usd"] is None


async def test_made_up_evidence_is_pointed_out(make_record: Any) -> None:
    """A quotation that is not in the call is marked, and the rationale says how many."""
    [grade] = await apply(make_record([], []), FakeJudge([says("pass", quotation="How may I help?")]))
    assert grade.evidence == ("not in the call: 'How may I help?'",)
    assert "1 of 1 quotations are not in the call" in grade.rationale


async def test_without_a_judge_there_is_no_grade(make_record: Any) -> None:
    """A run without a judge says so."""
    [grade] = await apply(make_record([], []), None)
    assert grade.grade is None
    assert "judge is not available" in grade.rationale


async def test_instructions_are_judged_as_instructions(make_record: Any) -> None:
    """`instruction_following` tells the judge so; without criteria the assistant's own prompt is shown."""
    judge = FakeJudge([says("pass")])
    base = make_record([], [])
    prompted = replace(base, case=replace(base.case, inputs={"system_prompt": "Be brief.", "scenario": "Shopping."}))
    grades = await apply(prompted, judge, BRIEF, GraderSpec("own", "instruction_following"), POLITE)
    (brief_told, brief), (_, own), (polite_told, polite) = judge.asked
    assert [grade.grade for grade in grades] == [1, 1, 1]
    assert "instruction that the assistant was given" in brief_told
    assert "instruction that the assistant was given" not in polite_told
    assert "Be brief." in own
    assert "Be brief." not in brief + polite
    assert all("Shopping." in text for text in (brief, own, polite))


async def test_without_criteria_or_prompt_instructions_cannot_be_judged(make_record: Any) -> None:
    """Nothing to hold the assistant to: no grade."""
    judge = FakeJudge([says("pass")])
    [grade] = await apply(make_record([], []), judge, GraderSpec("own", "instruction_following"))
    assert (grade.grade, judge.asked) == (None, [])


async def test_a_judge_named_in_a_file_is_noted_and_not_used(make_record: Any) -> None:
    """Older simulation files name a judge's model; the run config's judges, and both stand in the grade."""
    named = replace(POLITE, options={**POLITE.options, "model": "gpt-9"})
    [grade] = await apply(make_record([], []), FakeJudge([says("pass")]), named)
    assert (grade.judge["model"], grade.judge["file_model"]) == ("judge-1", "gpt-9")


@pytest.mark.parametrize("name", ["temperature", "max_output_tokens", "criterion"])
def test_what_a_judge_does_not_take_is_an_error(name: str) -> None:
    """An option that would be ignored is refused, before anything is paid for."""
    spec = replace(POLITE, options={**POLITE.options, name: 0})
    assert [name in problem for problem in find_grader_problems([spec])] == [True]


def test_a_judge_needs_criteria() -> None:
    """Nothing to judge by is an error for `llm_as_judge`, and the system prompt for `instruction_following`."""
    assert "'criteria'" in find_grader_problems([GraderSpec("x", "llm_as_judge")])[0]
    assert not find_grader_problems([GraderSpec("x", "instruction_following"), replace(POLITE, grader_id="y")])


@pytest.mark.parametrize(
    ("answers", "unanswered"),
    [
        ([[says("pass")]], False),
        ([[says("cannot_tell")]], False),
        ([[says("pass")], [says("fail")]], False),
        ([[SLOW]], True),
        ([[stutters("well")]], True),
        ([[stutters("no", refused=True)], [REFUSED]], True),
    ],
)
async def test_not_answering_is_told_from_not_deciding(make_record: Any, answers: Any, unanswered: bool) -> None:
    """A judge that cannot tell or contradicts itself has answered; one that is silent or unusable has not."""
    [grade] = await apply(make_record([], []), FakeJudge(*answers))
    assert grade.unanswered is unanswered


async def test_tokens_of_all_tries_and_votes_are_added_up(make_record: Any) -> None:
    """Also those of an answer that could not be used; what is not known stays unknown."""
    paid = Usage(input_tokens=100, output_tokens=7)
    judge = FakeJudge([replace(stutters("well"), usage=paid), replace(says("pass"), usage=paid)], [says("pass")])
    [grade] = await apply(make_record([], []), judge)
    assert (grade.judge["input_tokens"], grade.judge["output_tokens"]) == (200, 14)
    [grade] = await apply(make_record([], []), FakeJudge([says("pass")]))
    assert grade.judge["input_tokens"] is None
