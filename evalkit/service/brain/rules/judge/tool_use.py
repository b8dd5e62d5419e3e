"""Which tools were called, how often, with which values, and did they do it?"""

from __future__ import annotations

import re

from evalkit.service.brain.rules.judge import actions
from evalkit.service.brain.rules.judge.finding import ClauseFinding, either, met, unmet
from evalkit.service.brain.rules.judge.question import Question
from evalkit.service.brain.rules.judge.reading import WEEKDAYS, holds, ids, read, stem, stems, values


def calls_nothing(question: Question, _: re.Match[str]) -> ClauseFinding:
    """`calls no tool`."""
    calls = question.judged("call")
    return either(not calls, f"{len(calls)} tool calls were made", *(calls or question.judged("assistant"))[:2])


def call_count(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`with exactly one tool call`: calls of the tool that the clause speaks of, or of any."""
    number = {"one": 1, "a single": 1, "single": 1, "two": 2, "three": 3}.get(match["n"].lower())
    wanted = number if number is not None else int(match["n"]) if match["n"].isdigit() else None
    calls = question.judged("call")
    named = [line for line in calls if actions.matches_action(line.name, match.string)]
    if wanted is None or (not calls and not wanted):
        return None
    return either(len(named or calls) == wanted, f"{len(named or calls)} calls were made", *(named or calls)[:3])


def called_with(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`X is called with Y`: a call of that kind holds the value."""
    clause = match.string
    calls = actions.calls_of(question, match["action"]) or (question.judged("call") if "tool" in clause.lower() else [])
    if not calls:
        return unmet(f"no tool call for {match['action']!r}", *question.judged("call")[:1])
    wanted = read(
        re.sub(r"\b(reason|date|time|order|number|id|corrected|correct|new|first|address)\b", " ", match["value"])
    )
    wanted = tuple(word for word in wanted if word.hard) or wanted
    if not wanted:
        return None
    for line in calls:
        held = stems(line.text.replace("_", " ")) | {word.text for word in read(line.text)}
        if all(word.text in held or stem(word.text) in held for word in wanted):
            return met(f"the call holds {match['value']!r}", line)
    return unmet(f"no call holds {match['value']!r}", *calls[-1:])


def called_with_given(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`calls the tool with the number that the caller gave`: the last id that the caller said is in a call."""
    given = [value for line in question.of("caller") for value in ids(line.text)]
    calls = actions.calls_of(question, match["action"]) or question.judged("call")
    if not given:
        return None
    for line in calls:
        if given[-1] in values(line.text):
            return met(f"the call holds {given[-1]}", line)
    return unmet(f"no call holds {given[-1]}", *calls[-1:])


def uses(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`uses Monday the 9th`: the value is in a call, or is said."""
    wanted = [word for word in read(match["value"]) if word.hard]
    if not wanted:
        return None
    dated = any(word.text in WEEKDAYS for word in wanted)
    for line in [*question.judged("call"), *question.judged("assistant")]:
        held = {word.text for word in read(line.text)}
        if all(holds(held, word.text) or (dated and word.text in WEEKDAYS) for word in wanted):
            return met(f"{match['value']} is used", line)
    return unmet(f"{match['value']} is used nowhere", *question.judged("call")[-1:])


def does_call(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`The assistant cancels the order`: a tool of that kind was called and did it."""
    calls = [line for line in actions.calls_of(question, match["action"]) if line in question.judged("call")]
    if not calls:
        return None
    wanted = [word.text for word in read(match["action"]) if word.hard]
    lacking = [word for word in wanted if not any(holds(values(line.text), word) for line in calls)]
    if lacking:
        return unmet(f"no call holds {', '.join(lacking)}", *calls[-1:])
    good = [line for line in calls if actions.succeeded(question, line)]
    where = (good or calls)[0]
    return either(bool(good), f"{where.name} was called and {'worked' if good else 'failed'}", where)
