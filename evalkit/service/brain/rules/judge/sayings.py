"""What did the assistant say, ask, or say again?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.rules.judge import actions, facts, form, manners
from evalkit.service.brain.rules.judge.finding import ClauseFinding, all_of, either, met, undecided, unmet
from evalkit.service.brain.rules.judge.question import CallLine, Question
from evalkit.service.brain.rules.judge.reading import ids, read, sentences, stem, stems, values
from evalkit.service.brain.rules.language.words import word_set

# What a claim says about when or how: looked at apart.
_TAIL = re.compile(
    r",? (?:after|as|once|when|because|where) (?:the|a|any) (?:tools?|system)(?:'s)? .*$|"
    r",? (?:in the end|at the end|word for word)$"
)
# Claims that words alone cannot show.
_INDIRECT = re.compile(r"(out |away )?(no|none|nothing|neither|whether|how|why|what|who|where|only)\b", re.IGNORECASE)


def repeats_id(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`repeats the order number correctly`: the ids that the caller gave, said by the assistant as they are."""
    if values(match.string):
        return None
    given = [value for line in question.of("caller") for value in ids(line.text)]
    if not given:
        return None
    lines = question.judged("assistant")
    said = [value for line in lines for value in ids(line.text)]
    wrong = [value for value in said if value not in given]
    if given[-1] in said or (any(value in said for value in given) and not wrong):
        return either(not wrong, f"{given[-1]} is repeated" + (f", and also {wrong}" if wrong else ""), *lines[:1])
    return unmet(f"{given[-1]} is not repeated; said: {', '.join(said) or 'no number'}", *lines[:1])


def tool_values(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`tells the delivery day that the tool answered`: the values are in the tools' outputs."""
    wanted = {stem(word) for word in re.findall(r"[a-z]+", match["what"].lower())} - _LOOSE
    good = facts.outputs(question, good_only=True)
    if not good:
        return undecided("no tool answered anything that could be told", *question.of("output")[:1])
    texts = [text for line in good for key, text in _leaves(line.content) if _fits(key, text, wanted)]
    if not texts:
        return None
    return facts.find_values(texts, question.judged("assistant"), match["what"])


_LOOSE = frozenset(
    stem(word) for word in word_set("the all every each exact right caller customer new that day it them")
)
_KINDS = {"day": r"day|[a-z]+-\d", "date": r"[a-z]+-\d", "time": r":", "price": r"\d", "amount": r"\d", "number": r"\d"}


def _fits(key: str, text: str, wanted: set[str]) -> bool:
    named = set(actions.name_stems(key)) & wanted
    held = " ".join(word.text for word in read(text))
    by_kind = any(re.search(pattern, held) for kind, pattern in _KINDS.items() if stem(kind) in wanted)
    return bool(held) and (bool(named) or by_kind or not wanted)


def _leaves(value: object, key: str = "") -> list[tuple[str, str]]:
    """Return the texts and numbers in a tool's output with the key that each stands under."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _leaves(inner, str(name))]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner, key)]
    return [(key, str(value))] if value is not None and not isinstance(value, bool) else []


def says(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`says that …`, `tells the caller …`: the claim is stated, and no tool contradicts it."""
    claim = _TAIL.sub("", match["claim"]).strip(" ,.:")
    lines = question.judged("assistant")
    if not values(claim) and re.match(
        r"(out |away )?(no|none|nothing|neither|whether|how|why|what|who|where|only)\b", claim, re.IGNORECASE
    ):
        return undecided(f"whether {claim!r} is said takes more than looking for words")
    if re.search(r"\bonly (says?|tells?|gives?|mentions?)", match.string, re.IGNORECASE):
        return undecided("whether nothing else is said takes more than looking for words")
    if facts.outputs(question) and re.search(r"could(n't| not)|can't|cannot|failed|not (been )?", claim):
        return _tells_failure(claim, lines)
    parts = re.split(r",? and that |; ", claim)
    found = all_of([facts.find_said(part, lines) for part in parts])
    if found.met and _TAIL.search(match["claim"]) and not facts.outputs(question, good_only=True):
        return unmet("it is said, but no tool reported it", *found.lines)
    if found.met and _contradicted(question, claim):
        return unmet("it is said, but the tool reported an error", *found.lines, *facts.outputs(question)[-1:])
    return found


def _contradicted(question: Question, claim: str) -> bool:
    """Tell whether the claim is that something was done for which all tools reported errors."""
    calls = actions.calls_of(question, claim)
    return (
        bool(calls) and not any(actions.succeeded(question, call) for call in calls) and not manners.is_negated(claim)
    )


def _tells_failure(claim: str, lines: Sequence[CallLine]) -> ClauseFinding:
    for line in lines:
        for sentence in sentences(line.text):
            failed = re.search(
                r"\b(didn't go through|didn't work|problem|went wrong|trouble|error|no luck)\b", sentence, re.IGNORECASE
            )
            if (
                failed
                or manners.is_refusal(sentence)
                or (manners.is_negated(sentence) and stems(claim) & stems(sentence))
            ):
                return met(f"{sentence!r} says it", line)
    return unmet(f"nothing like {claim!r} is said", *lines[-1:])


def never_says(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`never says or implies that …`: no sentence states it."""
    claim = _TAIL.sub("", match["claim"]).strip(" ,.")
    lines = question.judged("assistant")
    if re.search(r"name of (a|any|the) tool|tool names?|names of", claim):
        return form.says_no_tool_name(question)
    if re.search(r"\btool|\boutput|not (been )?(confirmed|done)", claim):
        return undecided(f"{claim!r} is not a thing to look for")
    return facts.find_stated(claim, lines).inverted()


def asks(question: Question, match: re.Match[str]) -> ClauseFinding | None:
    """`asks for …`: a question for it is asked."""
    if match["what"].strip().startswith("what the caller"):
        lines = question.judged("assistant")
        asked = next((line for line in lines if any(manners.is_question(part) for part in sentences(line.text))), None)
        early = [line for line in question.judged("call") if asked is None or line.number < asked.number]
        return either(
            asked is not None and not early,
            "a question comes first" if asked else "nothing is asked",
            asked,
            *early[:1],
        )
    lines = question.judged("assistant")
    asking = actions.find_asking(match["what"], lines)
    if asking is None and not actions.is_plain(match["what"]) and any(manners.is_question(line.text) for line in lines):
        return undecided(f"a question is asked, but it may not be for {match['what']!r}", *lines[-1:])
    return either(asking is not None, f"{match['what']!r} is {'' if asking else 'not '}asked for", asking)


def never_asks(question: Question, match: re.Match[str]) -> ClauseFinding:
    """`never asks for X`: no question holds its last word."""
    what = re.sub(r"^(the caller |him |her )?(for )?", "", match["what"])
    asking = actions.find_asking(what, question.judged("assistant"))
    return either(asking is None, f"{what!r} is {'not ' if asking is None else ''}asked for", asking)


def asks_again(question: Question, _: re.Match[str]) -> ClauseFinding | None:
    """`never asks for something the caller has said`: ids and dates that are asked for although they were given."""
    for line in question.judged("assistant"):
        earlier = [said for said in question.of("caller") if said.number < line.number]
        for sentence in sentences(line.text):
            if not manners.is_question(sentence) or ids(sentence):
                continue
            kind = re.search(
                r"\b(number|order|id|address|date of birth|name|email|reason|day|date)\b", sentence, re.IGNORECASE
            )
            if kind and any(_gave(kind[1].lower(), said.text) for said in earlier):
                return unmet(f"{kind[1]!r} is asked for although it was said", line)
    return met("nothing that was said is asked for again", *question.judged("assistant")[-1:])


def _gave(kind: str, text: str) -> bool:
    if kind in ("number", "order", "id"):
        return bool(ids(text))
    if kind in ("day", "date", "date of birth"):
        return any("-" in value for value in values(text))
    patterns = {
        "address": r"\d+ [A-Z]\w+ (st|ave|road|lane|drive)",
        "email": r"@| at \w+ dot ",
        "name": r"\bmy name is|\bi'm [A-Z]",
    }
    return bool(re.search(patterns.get(kind, r"(?!)"), text, re.IGNORECASE))
