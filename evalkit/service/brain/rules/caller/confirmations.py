"""Yes or no: is that right, shall I, would you like me to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.rules.caller.goals import Goal, Wish, is_about
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact
from evalkit.service.brain.rules.caller.values import contains, id_of, is_address, is_same_day, read_values

YES, RIGHT, GO_ON, NO = "Yes, please.", "Yes, that's right.", "Yes, please go ahead.", "No, thank you."
_OFFER = re.compile(
    r"\b(?:would you like(?: me)?(?: to)?|shall (?:i|we)|should (?:i|we)|do you want(?: me)?(?: to)?|want me to|"
    r"(?:can|may) i (?!please |have |get |ask |know )|would you rather|would you prefer)\b",
    re.IGNORECASE,
)
_TRY_AGAIN = re.compile(r"\btry (?:it |that )?(?:once )?(?:more|again)\b", re.IGNORECASE)
_GO_AHEAD = re.compile(
    r"\b(?:shall|should|can|may|want|like|okay|ok|ready)\b.*\b(?:go ahead|proceed)\b|"
    r"\bis (?:that|this|it|everything) (?:all )?(?:okay|ok|right|correct|fine|good)|"
    r"\bthat work\b|\bsounds? (?:good|right|okay)|\b(?:correct|right|okay|ok)\?$|\bdo you confirm|\bare you sure",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|do|does|did|have|has|to confirm|so|and)\b|^(?:can|could) you (?:please )?confirm\b",
    re.IGNORECASE,
)
_WH = re.compile(r"\b(?:which|what|when|where|how many|how much|why)\b", re.IGNORECASE)


def confirm(question: str, told: str, persona: CallerPersona, goals: Sequence[Goal]) -> str:
    """Return the caller's yes or no to `question`, or "" when it is no such question.

    Args:
        question: What was asked.
        told: What was said before it, which "is that right?" is about.
        persona: Whose facts are compared.
        goals: The steps that are still open, the current one first.

    """
    if _TRY_AGAIN.search(question):
        return NO if persona.accepts_refusal else YES
    checks = bool(_GO_AHEAD.search(question))
    if _WH.search(question) and not checks:
        return ""
    wrong = _contradicted(question, persona) or (_contradicted(told, persona) if checks else None)
    if _OFFER.search(question):
        return _reply_to_offer(question, wrong, goals)
    if wrong and (checks or _YES_NO.search(question)):
        return f"No, it's {wrong.value}."
    about = f"{told} {question}" if checks else question
    if not any(contains(about, fact.value) for fact in persona.facts):
        return (GO_ON if goals else RIGHT) if checks else ""
    return RIGHT if checks or _YES_NO.search(question) else ""


def _reply_to_offer(question: str, wrong: Fact | None, goals: Sequence[Goal]) -> str:
    if wrong:
        return f"No, make it {wrong.value}."
    return YES if any(is_about(question, goal) for goal in goals if goal.wish is Wish.DO) else NO


def is_yes_no(question: str) -> bool:
    """Tell whether `question` wants a yes or a no."""
    return bool(_YES_NO.search(question) or _OFFER.search(question) or _GO_AHEAD.search(question))


def _contradicted(text: str, persona: CallerPersona) -> Fact | None:
    """Return the only fact of a kind (a day, a time) where `text` says another one, or None."""
    said = read_values(text)
    plain = [fact for fact in persona.facts if not id_of(fact.value) and not is_address(fact.value)]
    dated = [(fact, read_values(fact.value).dates) for fact in plain if read_values(fact.value).dates]
    if len(dated) == 1 and len(said.dates) == 1 and not is_same_day(said.dates[0], dated[0][1][0]):
        return dated[0][0]
    timed = [(fact, read_values(fact.value).times) for fact in plain if read_values(fact.value).times]
    if len(timed) == 1 and len(said.times) == 1 and said.times[0] != timed[0][1][0]:
        return timed[0][0]
    return None
