"""What was done, and when: tool calls that a text speaks of, questions that were asked, agreement that was given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.rules.judge.facts import is_error
from evalkit.service.brain.rules.judge.manners import agrees, hesitates, is_question
from evalkit.service.brain.rules.judge.question import CallLine, Question
from evalkit.service.brain.rules.judge.reading import sentences, stem, stems
from evalkit.service.brain.rules.language.words import word_set

# Questions that ask for a thing without its name.
_ASKED_BY = {
    "reason": r"\bwhy\b|what('s| is| was) (wrong|the (problem|matter))|what happened",
    "address": r"\bwhere (should|do|would|shall|to)\b",
    "name": r"\bwho (am i|is this|are you)\b",
    "date of birth": r"\bwhen were you born\b|\bbirthday\b",
    "number": r"\bwhich (order|one)\b",
}
# First words of tool names that say little about what is done.
_VAGUE = frozenset(stem(word) for word in word_set("get start request make do create submit set add send new open"))
_PARTICLES = word_set("to for of by the a an")


def name_stems(name: str) -> list[str]:
    """Return the stems of a tool name's words, the verb first."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).replace("-", " ").replace("_", " ").lower().split()
    return [stem(word) for word in words if word not in _PARTICLES]


def matches_action(name: str, text: str) -> bool:
    """Tell whether `text` speaks of what the tool called `name` does."""
    words, spoken = name_stems(name), stems(text)
    if not words:
        return False
    if words[0] not in _VAGUE:
        return words[0] in spoken
    nouns = [word for word in words[1:] if word not in _VAGUE]
    return bool(nouns) and all(noun in spoken for noun in nouns)


def calls_of(question: Question, text: str) -> list[CallLine]:
    """Return the tool calls that `text` speaks of."""
    return [line for line in question.of("call") if matches_action(line.name, text)]


def output_of(question: Question, call: CallLine) -> CallLine | None:
    """Return what the tool answered to `call`."""
    later = [line for line in question.of("output") if line.number > call.number and line.name == call.name]
    return later[0] if later else None


def succeeded(question: Question, call: CallLine) -> bool:
    """Tell whether the tool answered `call`, and not with an error."""
    answer = output_of(question, call)
    return answer is not None and not is_error(answer)


def find_asking(what: str, lines: Sequence[CallLine]) -> CallLine | None:
    """Return the first line that asks for `what`: a question with its last word, and about no other number."""
    keys = [stem(word) for word in re.findall(r"[a-z']+", what.lower()) if stem(word) in stems(word)]
    for line in lines:
        for sentence in sentences(line.text):
            spoken = stems(sentence) | {stem(word) for word in re.findall(r"[a-z]+", sentence.lower())}
            if (
                is_question(sentence)
                and keys
                and (keys[-1] in spoken or _implies(what, sentence))
                and _no_rival(keys, spoken)
            ):
                return line
    return None


def find_agreement(question: Question, action: str, before: int) -> CallLine | None:
    """Return the line in which the caller, asked about `action`, said yes before the line number `before`."""
    asked = False
    for line in question.of("assistant", "caller"):
        if line.number >= before:
            break
        if line.kind == "assistant":
            asked = any(is_question(sentence) for sentence in sentences(line.text))
        elif asked and agrees(line.text):
            return line
    return find_request(question, action, before)


def find_request(question: Question, action: str, before: int) -> CallLine | None:
    """Return the line in which the caller asked for `action` outright before the line number `before`."""
    wanted = {stem(word) for word in re.findall(r"[a-z]+", action.lower())} & stems(action)
    for line in question.of("caller"):
        if line.number >= before:
            break
        for sentence in sentences(line.text):
            is_imperative = bool(re.match(r"\W*(please|then|so|okay|well|just)?\W*(please)?\W*(\w+)", sentence.lower()))
            if wanted & stems(sentence) and is_imperative and not hesitates(sentence):
                return line
    return None


def _implies(what: str, sentence: str) -> bool:
    return any(
        thing in what.lower() and re.search(pattern, sentence, re.IGNORECASE) for thing, pattern in _ASKED_BY.items()
    )


def is_plain(what: str) -> bool:
    """Tell whether `what` is a thing that one can hardly ask for without naming it."""
    return bool(re.search(r"\b(number|id|date|day|address|name|email|reason|code|city|phone)\b", what.lower()))


def _no_rival(keys: Sequence[str], spoken: frozenset[str] | set[str]) -> bool:
    """Tell whether the question is not about another kind of number than the one in `keys`."""
    kinds = {"phone", "patient", "order", "account", "card", "member", "custom", "polici", "flight", "book"}
    return not (set(keys) & kinds) or bool(set(keys) & spoken & kinds) or not (spoken & kinds)
