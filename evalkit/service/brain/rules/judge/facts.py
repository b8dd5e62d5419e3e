"""Was something said? A claim's values must be there exactly; its other words as far as people vary them.

=================================== ======================================================================
the claim                           it was said
=================================== ======================================================================
has values (ids, days, times, …)    when all of them are said, in words that don't deny what the claim says
has words only                      when most of their stems stand in one sentence (or two) that states them
has words only, hardly any is said  not
in between                          not decided
=================================== ======================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from evalkit.service.brain.rules.judge.finding import ClauseFinding, met, undecided, unmet
from evalkit.service.brain.rules.judge.manners import is_conditional, is_negated, is_pending, is_question
from evalkit.service.brain.rules.judge.question import CallLine, Question
from evalkit.service.brain.rules.judge.reading import WEEKDAYS, Word, read, sentences, stems, values
from evalkit.service.brain.rules.language.words import word_set

_ENOUGH, _ENOUGH_WITH_PRONOUN, _TOO_LITTLE = 0.6, 0.5, 0.3
_REPORTING = word_set(
    "tell say confirm repeat read back report answer state mention inform told said complet new correct "
    "actual that whole full clearli explain let know give gave number code id exact order address thing "
    "way"
)

# A "no" that answers a question denies nothing of the sentence behind it.
_ANSWER = re.compile(r"^\W*(no|not at all|no problem|no worries)\b\W+", re.IGNORECASE)
# A thing with nothing said of it: "the price", "both the time and the gate".
_VERB = r"is|are|was|were|has|have|had|can|can't|cannot|could|will|would|costs?|comes?|goes|takes?|needs?|\w+ed|\w+n't"
_THING = re.compile(rf"(both |all )?(the|its|a|an|his|her|their) (?!.*\b({_VERB})\b)", re.IGNORECASE)


def find_said(claim: str, lines: Sequence[CallLine]) -> ClauseFinding:
    """Return whether `lines` state `claim`."""
    words = read(claim)
    hard = [word for word in words if word.hard]
    if hard:
        return _find_values(claim, hard, lines)
    wanted = {word.text for word in words} - _REPORTING
    if not wanted or _THING.match(claim):
        return undecided(f"whether {claim!r} is said takes more than looking for its words")
    return _find_words(claim, wanted, lines)


def _find_words(claim: str, wanted: set[str], lines: Sequence[CallLine]) -> ClauseFinding:
    covered = [
        (len(wanted & stems(sentence)) / len(wanted), -number, line, sentence)
        for number, (line, sentence) in enumerate(_statements(lines))
    ]
    share, _, where, best = max(covered, key=lambda found: found[:2], default=(0.0, 0, None, ""))
    if not share or (share <= _TOO_LITTLE and len(wanted) > 3):
        return unmet(f"nothing like {claim!r} is said", *lines[-1:])
    if share < _enough(best):
        return undecided(f"{best!r} may or may not say {claim!r}", where)
    if is_negated(_ANSWER.sub("", best)) != is_negated(claim):
        return unmet(f"{best!r} says the opposite of {claim!r}", where)
    return met(f"{best!r} says it", where)


def _enough(sentence: str) -> float:
    """Return the share of a claim's words that a sentence must hold; a pronoun may stand for one of them."""
    return _ENOUGH_WITH_PRONOUN if re.match(r"\W*(it|it's|that|that's|they|this)\b", sentence.lower()) else _ENOUGH


def find_values(expected: Sequence[str], lines: Sequence[CallLine], what: str) -> ClauseFinding:
    """Return whether each text in `expected`, read as values, is said."""
    return _find_values(what, [word for text in expected for word in read(text) if word.hard], lines)


def find_stated(claim: str, lines: Sequence[CallLine]) -> ClauseFinding:
    """Return whether a sentence states `claim` as so: for criteria that forbid it. Denials and questions don't."""
    words = read(claim)
    hard = {word.text for word in words if word.hard and word.text not in WEEKDAYS}
    soft = {word.text for word in words} - _REPORTING
    for line, sentence in _statements(lines):
        held = stems(sentence)
        if is_negated(sentence) or not soft:
            continue
        if (hard and hard <= held) or (not hard and len(soft & held) / len(soft) >= _enough(sentence)):
            return met(f"{sentence!r} says it", line)
    if not soft:
        return undecided(f"{claim!r} holds nothing to look for")
    return unmet(f"nothing states {claim!r}", *lines[-1:])


def outputs(question: Question, *, good_only: bool = False) -> list[CallLine]:
    """Return the tool outputs either, or those of them that report no error."""
    return [line for line in question.of("output") if not (good_only and is_error(line))]


def is_error(line: CallLine) -> bool:
    """Tell whether a tool output reports that the tool did not do it."""
    text = line.text.lower()
    has_key = isinstance(line.content, dict) and any(key in line.content for key in ("error", "errors"))
    pattern = (
        r"\b(error|failed|failure|unsupported|not (found|possible|allowed|available)|could not|unable|denied|declined"
    )
    return has_key or bool(re.search(pattern + r"|rejected|taken|unavailable|invalid|try again|out of stock)\b", text))


def _find_values(claim: str, hard: Sequence[Word], lines: Sequence[CallLine]) -> ClauseFinding:
    said = {word.text for line in lines for word in read(line.text)} | {s for line in lines for s in stems(line.text)}
    dates = [word for word in hard if "-" in word.text]
    # A weekday beside its date may be left out, and so may the date beside its weekday.
    spared = {word.text for word in hard if word.text in WEEKDAYS} if dates else set()
    missing = [word.text for word in hard if word.text not in said and word.text not in spared]
    if missing and {word.text for word in dates} == set(missing) and spared & said and not _other_dates(lines, missing):
        missing = []
    holders = [line for line in lines if {word.text for word in hard} & {word.text for word in read(line.text)}]
    if missing:
        return unmet(f"{', '.join(dict.fromkeys(missing))} is not said", *(holders or lines)[-1:])
    where = holders[-1:] or lines[-1:]
    wrong = [word for word in spared - said if _other_weekday(lines, word)]
    if wrong:
        return unmet(f"another day than {', '.join(wrong)} is said", *where)
    for line, sentence in _sentences(holders):
        if not {word.text for word in hard} & {word.text for word in read(sentence)} or is_question(sentence):
            continue
        if is_negated(sentence) and not is_negated(claim):
            return undecided(f"{sentence!r} holds the values, and a denial", line)
        if is_conditional(sentence) and not is_conditional(claim):
            return undecided(f"{sentence!r} holds the values, under a condition", line)
    return met(f"{', '.join(dict.fromkeys(word.text for word in hard))} is said", *where)


def _other_dates(lines: Sequence[CallLine], wanted: Sequence[str]) -> bool:
    return any("-" in value and value not in wanted for line in lines for value in values(line.text))


def _other_weekday(lines: Sequence[CallLine], wanted: str) -> bool:
    return any(word.text in WEEKDAYS - {wanted} for line in lines for word in read(line.text))


def _sentences(lines: Sequence[CallLine]) -> Iterator[tuple[CallLine, str]]:
    for line in lines:
        for sentence in sentences(line.text):
            yield line, sentence


def _statements(lines: Sequence[CallLine]) -> Iterator[tuple[CallLine, str]]:
    """Yield what the lines state, sentence by sentence and two by two; questions and plans state nothing."""
    for line in lines:
        stated = [part for part in sentences(line.text) if not is_question(part) and not is_pending(part)]
        for index, sentence in enumerate(stated):
            yield line, sentence
            if index:
                yield line, f"{stated[index - 1]} {sentence}"
