"""The steps of a goal: how the caller brings one up, and how it knows that one is settled.

A step is an order to the caller. By its verb it wants to **learn** something ("Find out when …", "Hear the address"),
to **tell** something ("Tell about your cat"), or to have something **done** ("Cancel the order", "Have it delivered").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from evalkit.service.brain.rules.caller.answers import concepts
from evalkit.service.brain.rules.caller.persona import CallerPersona
from evalkit.service.brain.rules.caller.remarks import Remark
from evalkit.service.brain.rules.caller.values import contains, id_of, is_address, missing_words, read_values
from evalkit.service.brain.rules.language.lexicon import ideas_of
from evalkit.service.brain.rules.language.words import read_words

_NEWS = (
    r"(?:(?:the|your|my|an?|its|latest|current|estimated|expected|exact|full|order|delivery|account)\s+)*"
    r"(?:status|date|time|price|cost|balance|details|information|news|hours|answer|update)\b"
)
_LEARN = re.compile(
    r"^(?P<verb>find out|ask|learn|check|inquire|see|know|get to know|hear|be told|make sure"
    rf"|(?:get|obtain|receive)(?=\s+{_NEWS}))\b[,:]?\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_TELL = re.compile(
    r"^(?:tell|mention|say|talk|chat|explain|complain|report)\b(?:\s+(?:them|him|her|the assistant))?\s*(?P<rest>.*)$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"^(?:(?:on|at|in|for|by|to|from|under) )?(?:what|when|where|which|who|why|how|whether|if)\b", re.IGNORECASE
)
_ALTERNATIVE = re.compile(r",? or (?:hear|be told|learn|find out)\b.*$", re.IGNORECASE)
_REPEATED = re.compile(r"^(?P<what>.+?) (?:repeated|read back|confirmed)\b(?P<rest>.*)$", re.IGNORECASE)
_PERSON = {
    "your": "my", "yours": "mine", "yourself": "myself", "they": "you", "them": "you", "their": "your", "he": "he",
}  # fmt: skip
_YOU_OBJECT = re.compile(
    r"\b(to|for|with|about|of|on|at|from|by|let|give|tell|send|call) you\b|\byou(?=[.,?!]|$)", re.IGNORECASE
)
_DONE = re.compile(
    r"\b(?:done|booked|cancel+ed|confirmed|changed|moved|updated|requested|started|completed?|(?:re)?scheduled|"
    r"arranged|noted|placed|registered|refunded|ordered|set up|all set|taken care of|sorted|processed|transferr\w+|"
    r"renewed|reserved|(?:has|have) been|(?:will|'ll) (?:be|call|send|arrive|get)|success\w*|on its way)\b",
    re.IGNORECASE,
)
_WANTS_DAY = re.compile(r"\b(?:when|day|date)\b", re.IGNORECASE)
_WANTS_TIMES = re.compile(r"\b(?:which|what) times?\b|\bfree times?\b", re.IGNORECASE)
_WANTS_NUMBER = re.compile(r"\b(?:how (?:much|many|long)|costs?|price|balance)\b", re.IGNORECASE)
_WANTS_ID = re.compile(r"\b(?:which|what) [a-z]+ (?:number|code|reference|id)\b", re.IGNORECASE)
_TELLS_TIME = re.compile(
    r"\b(?:today|tomorrow|tonight|morning|afternoon|evening|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"weeks?|days?|hours?|soon|noon|open|closed?|always)\b",
    re.IGNORECASE,
)


class Wish(StrEnum):
    """What a step wants."""

    LEARN = "learn"
    TELL = "tell"
    DO = "do"


@dataclass(frozen=True)
class Goal:
    """One step.

    Attributes:
        text: The order, without its alternatives, as the caller would say it.
        wish: What it wants.
        rest: For LEARN and TELL, what follows the verb.
        must_be_raised: Whether the caller brings it up even where it was told already ("Ask …").

    """

    text: str
    wish: Wish
    rest: str
    must_be_raised: bool


@lru_cache(maxsize=512)
def read_goal(order: str) -> Goal:
    """Return the step that `order` describes."""
    own = _as_caller(_ALTERNATIVE.sub("", order.strip().rstrip(".!")).strip())
    for wish, pattern in ((Wish.LEARN, _LEARN), (Wish.TELL, _TELL)):
        match = pattern.match(own)
        if match and match["rest"]:
            raised = wish is Wish.TELL or own.lower().startswith("ask")
            return Goal(own, wish, match["rest"].strip(), raised)
    return Goal(own, Wish.DO, own[:1].lower() + own[1:], must_be_raised=True)


def _as_caller(text: str) -> str:
    """Turn an order to the caller into the caller's words: "your cat" into "my cat"."""
    text = re.sub(r"\byou(?: are|'re)\b", "I am", text)
    text = re.sub(r"\byou were\b", "I was", text)
    text = _YOU_OBJECT.sub(lambda found: f"{found[1]} me" if found[1] else "me", text)
    text = re.sub(r"\byou\b", "I", text)
    return re.sub(r"\b[A-Za-z]+\b", lambda found: _PERSON.get(found[0], found[0]), text)


def bring_up(goal: Goal, persona: CallerPersona, attempt: int) -> str:
    """Return how the caller brings `goal` up, the first time (0) or again (1, 2)."""
    if goal.wish is Wish.DO:
        opening = ("I'd like to", "What I called for is to", "Once more, I want to")[min(attempt, 2)]
        return f"{opening} {_with_facts(goal, persona)}."
    if goal.wish is Wish.TELL:
        return _telling(goal)
    return _asking(goal, attempt)


def _telling(goal: Goal) -> str:
    rest = re.sub(r"^that ", "", goal.rest)
    if rest != goal.rest:
        return f"{rest[:1].upper()}{rest[1:]}."
    return f"Let me tell you {rest if rest.startswith('about') else f'about {rest}'}."


def _asking(goal: Goal, attempt: int) -> str:
    rest = goal.rest
    asked = re.match(r"(?:(?:them|you|the assistant) )?to (.+)", rest)
    repeated = _REPEATED.match(rest)
    if asked:
        return f"Can you {asked[1]}?"
    if repeated:
        return (
            f"Can you repeat {repeated['what']}{repeated['rest']}?"
            if not attempt
            else f"What is {repeated['what']} now?"
        )
    if rest.startswith("that "):
        return f"Can you confirm {rest}?" if not attempt else f"So is it sure {rest}?"
    if rest.startswith("for "):
        return f"Can I have {rest[4:]}?"
    rest = re.sub(r"^about (?=\w)", "", rest)
    if _CLAUSE.match(rest) or not attempt:
        return f"Can you tell me {rest}?" if not attempt else f"I'd just like to know {rest}."
    return f"I'd just like to know {rest}."


def _with_facts(goal: Goal, persona: CallerPersona) -> str:
    """Return the step with the values of the facts that it names by their keys."""
    text = goal.rest
    for fact in persona.facts:
        key = fact.key.lower()
        named = re.search(rf"\b{re.escape(key)}\b", text, re.IGNORECASE)
        if named and not persona.is_for_asking_only(fact) and fact.value not in text:
            value = fact.value.rstrip(".")
            text = f"{text[: named.end()]}, {value}{text[named.end() :]}"
    return text


def is_settled(goal: Goal, remark: Remark, persona: CallerPersona, *, raised: bool) -> bool:
    """Tell whether `remark` settles `goal`; one that was not raised needs sure signs of it."""
    told = remark.told
    if not told or (goal.must_be_raised and not raised):
        return False
    if goal.wish is Wish.TELL:
        return True
    if goal.wish is Wish.DO:
        return not remark.refuses and _is_done(goal, told, persona)
    return _is_learnt(goal, remark, persona, raised=raised)


def _is_done(goal: Goal, told: str, persona: CallerPersona) -> bool:
    if _DONE.search(told):
        return True
    wanted = _actions(goal.rest)
    past = " ".join(word for word in re.findall(r"[a-z]+", told.lower()) if word.endswith("ed"))
    if wanted & _actions(past):
        return True
    named = (fact for fact in persona.facts if fact.key.lower() in goal.rest.lower() or contains(goal.rest, fact.value))
    return any(contains(told, fact.value) for fact in named if not id_of(fact.value))


def _is_learnt(goal: Goal, remark: Remark, persona: CallerPersona, *, raised: bool) -> bool:
    told, rest = remark.told, goal.rest
    values = read_values(told)
    if _REPEATED.match(rest):
        return _is_repeated(rest, told, persona)
    if _WANTS_ID.search(rest):
        return bool(values.ids)
    if _WANTS_TIMES.search(rest) or _WANTS_NUMBER.search(rest):
        return values.has_number or "free" in told.lower()
    if _WANTS_DAY.search(rest):
        return bool(values.dates or values.times) or (raised and bool(_TELLS_TIME.search(told)))
    return not remark.refuses and (raised or bool(set(concepts(rest)) & set(concepts(told))))


def _is_repeated(rest: str, told: str, persona: CallerPersona) -> bool:
    named = [fact for fact in persona.facts if fact.key.lower() in rest.lower()]
    if not named:
        return bool(set(concepts(rest)) & set(concepts(told)))
    fact = named[0]
    if contains(told, fact.value):
        return True
    return is_address(fact.value) and len(missing_words(told, fact.value)) * 3 <= len(read_values(fact.value).words)


def is_about(text: str, goal: Goal) -> bool:
    """Tell whether `text` speaks of what `goal` wants."""
    if set(concepts(goal.rest)) & set(concepts(text)):
        return True
    return bool(_actions(goal.rest) & _actions(text))


def _actions(text: str) -> set[str]:
    """Return what `text` speaks of doing, other than looking something up."""
    found = {idea for ideas in ideas_of(tuple(token.stem for token in read_words(text).tokens)) for idea in ideas}
    return {idea for idea in found if idea.startswith("do:")} - {"do:lookup"}
