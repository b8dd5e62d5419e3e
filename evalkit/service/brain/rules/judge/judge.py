"""`local-judge`: a judge without a language model, for judging offline and for testing how judges are used.

It reads the question's layout, splits the criterion into clauses, and decides each by a rule
(see :mod:`.rules`). It answers as any judge does: evidence, reasoning, verdict; or in another shape that was
asked for and can hold a verdict (:mod:`.verdict_shape`). Where no rule applies it says ``cannot_tell``; it
never guesses, and it is deterministic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from evalkit.service.brain.conversation import Conversation, Model, Reply, UserTurn
from evalkit.service.brain.rules.judge.cookbook_layout import read_cookbook_question
from evalkit.service.brain.rules.judge.finding import ClauseFinding, all_of, undecided
from evalkit.service.brain.rules.judge.question import Question, read_question
from evalkit.service.brain.rules.judge.rules import apply_rules
from evalkit.service.brain.rules.judge.verdict_shape import fitting_answer

_MOST_QUOTED = 200
# A new clause begins where "and" is followed by a verb of the third person or a denial.
# Other names that a criterion may give the caller.
_CALLERS = re.compile(
    r"(?<=\bthe )(guest|customer|passenger|client|user|member|patient)\b(?! (number|id|portal))", re.IGNORECASE
)
_CLAUSE = re.compile(
    r",? (?:and|but) (?=(?:never|doesn't|does not|isn't|stays|keeps|offers|says|tells|gives|asks|confirms|calls|ends|"
    r"cancels|repeats|apologi\w+|declines|promises|remains|is polite|makes no|blames)\b)"
)


def local_judge(conversation: Conversation) -> Reply:
    """Return the verdict on the question that was asked last, as JSON."""
    asked = [item.text for item in conversation.items if isinstance(item, UserTurn)]
    question = (read_question(asked[-1]) or read_cookbook_question(asked[-1])) if asked else None
    known = "this is not a question to a judge in a documented layout"
    return Reply(_answer(decide(question) if question else undecided(known), conversation.answer_schema))


JUDGES: Mapping[str, Model] = {"local-judge": local_judge}


def decide(question: Question) -> ClauseFinding:
    """Return whether the criterion is met, over all its clauses."""
    criterion = _CALLERS.sub("caller", question.criterion.strip().rstrip("."))
    first, *others = _CLAUSE.split(criterion)
    clauses = [first, *(f"The assistant {clause}" for clause in others)]
    return all_of([apply_rules(question, clause) for clause in clauses])


def _answer(finding: ClauseFinding, schema: Mapping[str, Any] | None) -> str:
    verdict = {True: "pass", False: "fail", None: "cannot_tell"}[finding.met]
    evidence = [{"line": line.number, "quote": line.text[:_MOST_QUOTED]} for line in finding.lines]
    answer: dict[str, Any] = {"evidence": evidence, "reasoning": finding.reason, "verdict": verdict}
    if schema is not None and not Draft202012Validator(schema).is_valid(answer):
        answer = fitting_answer(finding.reason, evidence, schema, met=finding.met) or answer
    return json.dumps(answer, ensure_ascii=False)
