"""Graders that ask a language model: `llm_as_judge` and `instruction_following`.

A judge sees the call up to the turn in question (:mod:`evalkit.graders.transcript`) and answers with evidence,
reasoning and a verdict (:mod:`evalkit.graders.judge_verdict`). What does not end in a verdict is a grade of None that
says why:

======================================= =============================================================
the judge                               the grade
======================================= =============================================================
says pass, fail                         1, 0
says not_applicable, cannot_tell        None, with its reasoning
is asked k times, most say the same     that, with the share that said so as `agreement`
is asked k times and contradicts itself None
answers with no JSON, or with nothing   asked again, at most twice; then None, the raw text as evidence
refuses                                 None, its words as evidence
cannot be reached or is too slow        None
======================================= =============================================================
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

from evalkit.errors import CaseFailure
from evalkit.graders.context import GraderContext, GraderType, Judge
from evalkit.graders.judge_prompt import OWN_INSTRUCTIONS, JudgeQuestion
from evalkit.graders.judge_verdict import ANSWER_SCHEMA, Poll, Ruling, Vote, count_votes, read_vote
from evalkit.graders.transcript import read_transcript
from evalkit.records.grade import Verdict
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import Usage

_MOST_TRIES = 3
_RAW_CHARACTERS = 2_000
_CRITERIA: JsonObject = {"type": "string", "pattern": "\\S", "description": "what the assistant must have done"}
_MODEL: JsonObject = {"type": ["string", "null"], "description": "noted only: judge.model decides who judges"}


async def grade_llm_as_judge(context: GraderContext) -> Verdict:
    """The assistant met `criteria`, in the opinion of a language model that has to quote its evidence.

    1: it did. 0: it did not. None: the criterion does not apply, the evidence does not decide, or the judge gave no
    usable answer.
    """
    return await _judge(context, is_instruction=False)


async def grade_instruction_following(context: GraderContext) -> Verdict:
    """The assistant kept to the instruction `criteria`, or without it to its system prompt, in a model's opinion.

    1: it did. 0: it did not. None: the instruction does not apply here, the evidence does not decide, or the judge gave
    no usable answer.
    """
    return await _judge(context, is_instruction=True)


async def ask_judge(judge: Judge, question: JudgeQuestion, *, file_model: str | None = None) -> Verdict:
    """Return the verdict of `judge` on `question`, over all its votes. A judge's failure is not raised.

    `file_model` is the model that a simulation file asked for; it is kept beside the one that was used.
    """
    votes = await asyncio.gather(*(_ask(judge, question, number) for number in range(1, judge.votes + 1)))
    poll, usage = count_votes(votes), sum((vote.usage for vote in votes), Usage())
    identity: dict[str, Json] = {
        "model": next((vote.model for vote in votes if vote.model), judge.model),
        "votes": judge.votes,
        "agreement": poll.agreement if any(vote.ruling for vote in votes) else None,
        "verdicts": [str(vote.ruling or "none") for vote in votes],
        "prompt_sha256": question.prompt_sha256(ANSWER_SCHEMA),
        "question_sha256": question.sha256,
        "cost_usd": _sum_usd([vote.cost_usd for vote in votes]),
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
    }
    if file_model and file_model != judge.model:
        identity["file_model"] = file_model
    return _verdict(poll, votes, identity)


def make_question(context: GraderContext, *, is_instruction: bool) -> JudgeQuestion:
    """Return what a judge is asked about the turns of `context`; `is_instruction`: by `instruction_following`."""
    inputs, criterion = context.record.case.inputs, context.option("criteria")
    own = str(inputs.get("system_prompt") or "") if is_instruction and criterion is None else ""
    return JudgeQuestion(
        criterion=criterion or OWN_INSTRUCTIONS,
        lines=read_transcript(context.record, context.turn),
        turn_index=context.turn.turn_index if context.turn else None,
        scenario=str(inputs.get("scenario") or ""),
        is_instruction=is_instruction,
        system_prompt=own,
        order_is_known=all(turn.order_is_known for turn in context.record.turns),
    )


async def _judge(context: GraderContext, *, is_instruction: bool) -> Verdict:
    judge = context.services.judge
    if judge is None:
        raise LookupError("no judge")
    if not any(turn.assistant_text.strip() or turn.tool_calls for turn in context.turns):
        return Verdict(None, "the assistant said nothing and called nothing here")
    question = make_question(context, is_instruction=is_instruction)
    return await ask_judge(judge, question, file_model=context.option("model"))


async def _ask(judge: Judge, question: JudgeQuestion, number: int) -> Vote:
    """Return one vote, asking again for as long as the answer cannot be read."""
    costs: list[float | None] = []
    usage = Usage()
    for _ in range(_MOST_TRIES):
        try:
            answer = await judge.ask(question.instructions, question.text, ANSWER_SCHEMA, vote=number)
        except CaseFailure as failure:
            # A request that timed out may have been paid for.
            costs.append(None if "timeout" in failure.error_type else 0.0)
            reason = f"the judge did not answer: {failure.error_type}: {failure.message}"
            return Vote(None, reason, cost_usd=_sum_usd(costs), usage=usage)
        costs.append(answer.cost_usd)
        usage += answer.usage
        if answer.parsed is not None:
            vote = read_vote(answer.parsed, question.lines, answer.model, _sum_usd(costs))
            return replace(vote, usage=usage)
        if answer.refused:
            break
    what = "refused to judge" if answer.refused else f"gave no usable answer in {len(costs)} tries"
    raw = (answer.text[:_RAW_CHARACTERS],) if answer.text else ()
    reason = f"the judge {what}: {answer.problem}"
    return Vote(None, reason, raw, model=answer.model, cost_usd=_sum_usd(costs), usage=usage)


def _verdict(poll: Poll, votes: list[Vote], identity: dict[str, Json]) -> Verdict:
    if poll.winner is None:
        said = ", ".join(str(vote.ruling or "no answer") for vote in votes)
        reasons = " | ".join(vote.reason for vote in votes)
        evidence = tuple(quotation for vote in votes for quotation in vote.evidence)
        return Verdict(None, f"not graded: the votes contradict each other ({said}): {reasons}", evidence, identity)
    winner = poll.winner
    notes = {None: "not graded: ", Ruling.NOT_APPLICABLE: "not applicable: ", Ruling.CANNOT_TELL: "cannot tell: "}
    rationale = notes.get(winner.ruling, "") + winner.reason
    if winner.unfounded:
        rationale += f" (to doubt: {winner.unfounded} of {len(winner.evidence)} quotations are not in the call)"
    nobody_answered = not any(vote.ruling for vote in votes)
    return Verdict(winner.grade, rationale, winner.evidence, identity, unanswered=nobody_answered)


def _sum_usd(costs: list[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if len(known) == len(costs) else None


def _has_no_instructions(context: GraderContext) -> str | None:
    if context.option("criteria") or context.record.case.inputs.get("system_prompt"):
        return None
    return "neither criteria nor the assistant's instructions are known"


_JUDGE = frozenset({"judge"})
_OPTIONS = {"criteria": _CRITERIA, "model": _MODEL}

GRADERS = (
    GraderType("llm_as_judge", "2", grade_llm_as_judge, _OPTIONS, ("criteria",), needs=_JUDGE),
    GraderType(
        "instruction_following",
        "2",
        grade_instruction_following,
        _OPTIONS,
        needs=_JUDGE,
        inapplicable=_has_no_instructions,
    ),
)
