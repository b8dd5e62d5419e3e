"""The form of what was said: how many sentences, how long, which signs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from evalkit.service.brain.rules.judge.finding import ClauseFinding, all_of, either, met, unmet
from evalkit.service.brain.rules.judge.manners import is_question
from evalkit.service.brain.rules.judge.question import CallLine, Question
from evalkit.service.brain.rules.judge.reading import sentences

_COUNTS = {"one": 1, "a single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
_LIMIT = re.compile(
    r"(?P<how>at most|no more than|up to|exactly|fewer than|not more than|only|in|a)? ?"
    r"(?P<n>one or two|two or three|\d+|one|a single|two|three|four|five|six|ten) (?:\w+ ){0,2}?"
    r"(?P<what>sentence|question|word)s?",
    re.IGNORECASE,
)
_LONG_WORDS = 30
_LIST = re.compile(r"(^|\n)\s*([-*•]|\d+[.)])\s|\s\*\s|\*\*|`|#|^\s*[-*•]|[{}\[\]<>|_]|\u2022", re.MULTILINE)


def decide_form(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """Return whether every turn of the assistant has the form that the clause asks for."""
    clause, findings = match.string, list[ClauseFinding]()
    lines = question.judged("assistant")
    limit = _LIMIT.search(clause)
    if limit is not None:
        turns = [list(said) for _, said in groupby(lines, key=lambda line: line.turn)]
        findings.append(all_of([_within(said, limit) for said in turns] or [met("nothing was said")]))
    if re.search(r"\blists?\b|\bsymbols?\b|bullet|markdown", clause, re.IGNORECASE):
        marked = next((line for line in lines if _LIST.search(line.text)), None)
        findings.append(either(marked is None, "symbols are used" if marked else "no list, no symbol", marked))
    if re.search(r"\bshort\b|\bbrief", clause, re.IGNORECASE):
        long = next((line for line in lines for part in sentences(line.text) if len(part.split()) > _LONG_WORDS), None)
        findings.append(either(long is None, "a sentence is long" if long else "the sentences are short", long))
    return all_of(findings) if findings else None


def says_no_tool_name(question: Question) -> ClauseFinding:
    """Return whether the assistant never pronounced a tool's name, or anything that looks like one."""
    names = {line.name for line in question.of("call", "output") if "_" in line.name or not line.name.islower()}
    for line in question.judged("assistant"):
        spoken = line.text.lower()
        found = re.search(r"\b[a-z]+(_[a-z]+)+\b", line.text)
        if found or any(name.lower() in spoken or name.lower().replace("_", " ") in spoken for name in names):
            return unmet("the name of a tool is said", line)
    return met("no name of a tool is said", *question.judged("assistant")[-1:])


def _within(said: Sequence[CallLine], limit: re.Match[str]) -> ClauseFinding:
    """Return whether the lines of one turn keep to `limit` together."""
    written, what, how = limit["n"].lower(), limit["what"].lower(), (limit["how"] or "").lower()
    most = {"one or two": 2, "two or three": 3}.get(written) or _COUNTS.get(written) or int(written)
    parts = [part for line in said for part in sentences(line.text)]
    asked = sum(part.endswith("?") or is_question(part) for part in parts) if what == "question" else 0
    count = {"sentence": len(parts), "question": asked, "word": sum(len(line.text.split()) for line in said)}[what]
    met = count == most if how == "exactly" else count < most if how == "fewer than" else count <= most
    return either(met, f"turn {said[0].turn} has {count} {what}s", *said)
