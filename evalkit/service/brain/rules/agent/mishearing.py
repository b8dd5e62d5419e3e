"""What a recogniser makes of spelled ids, undone where an id's shape proves it.

Four slips are common: an id falls into several sentences ("R. P. 480. 077"), its first character becomes a word ("our
P 229" for RP229, "for 8-1-5-0" for 48150, "at E 9102" for AE9102), "two hundred four" stays 200-4, and a digit said
twice or three times is written once too often ("004" as 0004). A run is changed only where it does not fit the field's
shape as it is and fits it exactly afterwards.
"""

from __future__ import annotations

import re

from evalkit.service.brain.rules.language.ids import Element, IdRun, id_parts
from evalkit.service.brain.rules.language.patterns import conform, matches
from evalkit.service.brain.rules.language.readings import Reading
from evalkit.service.brain.rules.language.words import SpokenText

_SOUNDS = {
    **dict.fromkeys(("to", "too", "two"), "2"),
    **dict.fromkeys(("our", "are"), "R"),
    **dict.fromkeys(("see", "sea"), "C"),
    **dict.fromkeys(("be", "bee"), "B"),
    **dict.fromkeys(("hey", "a"), "A"),
}
_HEARD_AS = _SOUNDS | {"for": "4", "won": "1", "ate": "8", "oh": "0", "you": "U", "why": "Y", "tea": "T", "eye": "I"}
_BEGIN_WITH_A_VOWEL = frozenset("AEFHILMNORSX8")
"""The names of letters and digits before which an A runs on: "A E" is written "at E"."""
_HUNDREDS = re.compile(r"[1-9]00")
_REPEATED = re.compile(r"0{2,}|([1-9])\1{2,}")


def mended_runs(reading: Reading, shape: str, labels: frozenset[str]) -> list[IdRun]:
    """Return an utterance's runs, mended where `shape` is known; `labels` are the stems that announce the field."""
    if not shape:
        return list(reading.ids)
    runs: list[IdRun] = []
    for chain in _chains(reading.ids):
        joined = IdRun(tuple(element for run in chain for element in run.elements))
        unfit = [run for run in chain if not id_parts(run, shape)]
        if unfit and len(chain) > 1 and _fits(joined, shape):
            runs.append(joined)
        else:
            runs += [_mended(run, shape, labels, reading.said, fits=run not in unfit) for run in chain]
    return runs


def _fits(run: IdRun, shape: str) -> bool:
    return any(part.whole for part in id_parts(run, shape))


def _chains(runs: tuple[IdRun, ...]) -> list[list[IdRun]]:
    """Return the runs grouped by what stands side by side."""
    chains: list[list[IdRun]] = []
    for run in runs:
        if chains and chains[-1][-1].end == run.start:
            chains[-1].append(run)
        else:
            chains.append([run])
    return chains


def _mended(run: IdRun, shape: str, labels: frozenset[str], said: SpokenText, *, fits: bool) -> IdRun:
    if fits and not _lost_its_first_digit(run, labels, said):
        return run
    longer = _with_lead(run, said)
    if longer and _fits(longer, shape):
        return longer
    if fits:
        return run
    retold = [(run, text) for text in (run.text.removeprefix("ID"), *_retold(run))]
    retold += [(longer, text) for text in _retold(longer)] if longer else []
    for whole, text in retold:
        if conform(text, shape):
            return IdRun((Element(text, whole.start, whole.end, pause=False),))
    return run


def is_one_character_off(value: str, likely: str) -> bool:
    """Tell whether an id has one character less or more than those that look like `likely`, and is else like them."""
    if matches(value, likely):
        return False
    shorter = (value[:place] + value[place + 1 :] for place in range(len(value)))
    longer = (value[:place] + one + value[place:] for place in range(len(value) + 1) for one in "A0")
    return any(matches(one, likely) for one in (*shorter, *longer))


def _retold(run: IdRun) -> list[str]:
    """Return what a run may be: without a digit that a long group repeats, or with "200 4" as 204."""
    texts = [element.text for element in run.elements]
    mended = []
    for place, text in enumerate(texts):
        rest = texts[place + 1 :]
        repeat = _REPEATED.search(text)
        if len(texts) > 1 and len(text) > 3 and repeat:
            mended.append([*texts[:place], text.replace(repeat.group(), repeat.group()[1:], 1), *rest])
        if _HUNDREDS.fullmatch(text) and rest and len(rest[0]) < 3 and rest[0].isdigit():
            mended.append([*texts[:place], str(int(text) + int(rest[0])), *rest[1:]])
    return ["".join(parts).removeprefix("ID") for parts in mended]


def _lost_its_first_digit(run: IdRun, labels: frozenset[str], said: SpokenText) -> bool:
    """Tell whether the word between a label and a digit by digit run was a digit: "appointment for 8-1-5-0"."""
    by_digit = len(run.elements) > 2 and all(said.gap(one.start) == "-" for one in run.elements[1:])
    return (
        by_digit
        and run.start > 1
        and said.word(run.start - 1) in _HEARD_AS
        and said.tokens[run.start - 2].stem in labels
    )


def _with_lead(run: IdRun, said: SpokenText) -> IdRun | None:
    """Return a run with what the word before it sounds like."""
    if run.start == 0:
        return None
    token = said.tokens[run.start - 1]
    lead = token.text[2:] if token.text.isupper() and token.text.startswith("ID") else _HEARD_AS.get(token.word, "")
    if token.word == "at" and run.text[0] in _BEGIN_WITH_A_VOWEL:
        lead = "A"
    return IdRun((Element(lead, run.start - 1, run.start, pause=False), *run.elements)) if lead else None
