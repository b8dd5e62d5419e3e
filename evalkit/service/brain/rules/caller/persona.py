"""A persona prompt as facts, goals, style and rules.

The documented shape has four headed sections::

    # Facts
    Order number: 49903
    # Goal
    - Have the delivery moved to March 12th, or hear plainly that it can't be done.
    # Style
    Calm and practical.
    # Rules
    - When your goal is settled, say END_CALL and nothing else.

Prose with ``- Key: value`` lines is read alike: `Goal` and `Style` are what they say, other keys are facts, and what
follows ``Rules:`` are rules. So is plain prose ("Your order number is 49903. You want to cancel it."). A section may
come twice: a style laid over a persona is one more ``# Style``, or a plain paragraph after the rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_HEADING = re.compile(r"^(?:#+\s*(?P<hash>.+?)\s*:?|\**(?P<colon>[A-Za-z][A-Za-z ]{2,30}):\**)$")
_BULLET = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_PAIR = re.compile(r"^\**(?P<key>[A-Za-z][\w '/-]{0,40}?)\**\s*:\**\s+(?P<value>\S.*)$")
_IS = re.compile(r"\b[Yy]our (?P<key>[a-z][a-z ]{1,30}?) is (?P<value>[^.;]+?)(?=[.;]|, and |$)")
_WANT = re.compile(r"\b[Yy]ou(?: want| need| would like|'d like| are calling| call| wish)(?: to) (?P<goal>[^.;]+)")
_SECTIONS = {
    "facts": "facts persona details about background information",
    "goal": "goal goals task tasks objective objectives aim",
    "style": "style tone manner manners personality mood voice",
    "rules": "rules rule instructions guidelines constraints",
}
_SECTION_OF = {word: section for section, words in _SECTIONS.items() for word in words.split()}
_NEVER_ENDS = re.compile(
    r"\b(?:never|don't|do not)\s+(?:say|use|reply with|answer)\W+(?:exactly\W+)?END_?CALL"
    r"|\bnever (?:hang up|end the call)",
    re.IGNORECASE,
)
_ACCEPTS = re.compile(r"\bdon't insist|\bdo not insist|\baccept (?:that|it)\b|\btakes? no for an answer", re.IGNORECASE)
_PROMISE = re.compile(r"\bcan(?:'t|not)\b.*?\bsay that you (?P<line>(?:will|'ll|are|would) [^.]+)\.", re.IGNORECASE)
_OBEYS = re.compile(r"\bwhen(?:ever)? you(?:'re| are) told to (?P<order>[^,]+), say that you will", re.IGNORECASE)
_WHEN_ASKED = re.compile(
    r"\bonly when (?:you are|you're|they are|it is|asked)|\b(?:don't|do not) (?:repeat|say|give|mention) (?:it|them)\b",
    re.IGNORECASE,
)


class Section(StrEnum):
    """A part of a persona."""

    FACTS = "facts"
    GOAL = "goal"
    STYLE = "style"
    RULES = "rules"
    PROSE = "prose"


@dataclass(frozen=True)
class Fact:
    """Something the caller knows: what one would ask for, and what the caller would answer."""

    key: str
    value: str


@dataclass(frozen=True)
class CallerPersona:
    """Who calls, and why.

    Attributes:
        facts: All that the caller knows.
        goals: What the caller wants, as orders to the caller, in order.
        style: How the caller talks.
        rules: The rules of the part.

    """

    facts: tuple[Fact, ...]
    goals: tuple[str, ...]
    style: str
    rules: tuple[str, ...]

    @property
    def never_ends(self) -> bool:
        """Whether the caller must not end the call."""
        return bool(_NEVER_ENDS.search(" ".join(self.rules)))

    @property
    def accepts_refusal(self) -> bool:
        """Whether the caller takes the first no for an answer."""
        return bool(_ACCEPTS.search(" ".join((*self.rules, self.style)))) or any(
            re.search(r"\bor (?:hear|be told)\b", goal) for goal in self.goals
        )

    @property
    def farewell_promise(self) -> str:
        """What the rules tell the caller to say when it can't be done ("I will try again later"); empty: nothing."""
        match = next(filter(None, map(_PROMISE.search, self.rules)), None)
        return f"I {match['line'].lstrip()}".replace("I 'll", "I'll") if match else ""

    @property
    def obeys(self) -> tuple[str, ...]:
        """What the caller does at once when told to ("call 911")."""
        return tuple(match["order"] for match in map(_OBEYS.search, self.rules) if match)

    def is_for_asking_only(self, fact: Fact) -> bool:
        """Whether the caller says `fact` only when asked for it."""
        for rule in self.rules:
            if _WHEN_ASKED.search(rule) and (fact.key.lower() in rule.lower() or "details" in rule.lower()):
                return True
        return False


@lru_cache(maxsize=64)
def read_persona(instructions: str) -> CallerPersona:
    """Return the persona that `instructions` describe; never raises, and what is missing is empty."""
    parts: dict[Section, list[str]] = {section: [] for section in Section}
    facts: list[Fact] = []
    section = Section.PROSE
    for raw in instructions.splitlines():
        line = raw.strip()
        heading = _HEADING.match(line) if line else None
        named = _section_named(heading["hash"] or heading["colon"]) if heading else None
        if named or (heading and heading["hash"]):
            section = named or Section.PROSE
        elif line:
            _take(line, section, parts, facts)
    prose = " ".join(parts[Section.PROSE])
    facts += [Fact(_capital(match["key"]), match["value"].strip()) for match in _IS.finditer(prose)]
    goals = parts[Section.GOAL] or [_capital(match["goal"].strip()) for match in _WANT.finditer(prose)]
    return CallerPersona(tuple(facts), tuple(goals), " ".join(parts[Section.STYLE]), tuple(parts[Section.RULES]))


def _section_named(name: str) -> Section | None:
    found = [_SECTION_OF[word] for word in re.findall(r"[a-z]+", name.lower()) if word in _SECTION_OF]
    return Section(found[-1]) if found else None


def _take(line: str, section: Section, parts: dict[Section, list[str]], facts: list[Fact]) -> None:
    """Put one line where it belongs."""
    text = _BULLET.sub("", line).strip()
    pair = _PAIR.match(text)
    if section is Section.RULES and text == line:
        parts[Section.STYLE if parts[Section.RULES] else Section.RULES].append(text)
    elif section in (Section.FACTS, Section.PROSE) and pair:
        words = pair["key"].lower().split()
        named = _section_named(words[-1]) if len(words) < 3 else None
        if named in (Section.GOAL, Section.STYLE, Section.RULES):
            parts[named].append(pair["value"])
        else:
            facts.append(Fact(pair["key"].strip(), pair["value"].strip()))
    elif section is Section.FACTS:
        parts[Section.PROSE].append(text)
    elif text:
        parts[section].append(text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
