"""Was an argument misheard or misunderstood? What was said beside what was heard, on the words that carry arguments.

A caller says *Maria*, the recogniser writes *Mario*, the agent books for Mario: it was misheard, and understood what it
heard. Where the words of an argument were heard as they were said and the argument is wrong all the same, it was
misunderstood. That can be told where the record has what was heard, and where the argument's own words were said: a
reason that the caller described in other words carries nothing that could be followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalkit.graders.dates import parse_day
from evalkit.graders.normalise import spoken_words
from evalkit.records.json import Json, JsonObject
from evalkit.records.record import Turn

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip


@dataclass(frozen=True)
class CarriedArgument:
    """An argument whose words were said: how many they are, and how many of them were heard as something else."""

    name: str
    words: int
    errors: int


def carried_arguments(turns: Sequence[Turn], arguments: JsonObject) -> list[CarriedArgument]:
    """Return the expected `arguments` whose words were said in `turns`, in those of them that tell what was heard."""
    told = [turn for turn in turns if turn.heard_text is not None]
    said = spoken_words(" ".join(turn.all_user_text for turn in told))
    heard = spoken_words(" ".join(turn.heard_text or "" for turn in told))
    found = []
    for name, value in _leaves(arguments):
        span = _find(said, value)
        if span is not None:
            found.append(CarriedArgument(name, span[1] - span[0], _errors(said, heard, span)))
    return found


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts and numbers in `value`, each with its dotted name."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _find(said: Sequence[str], value: str) -> tuple[int, int] | None:
    """Return the words that say `value`, the last time that they were said: what was taken back comes first."""
    for words in _ways_to_say(value):
        wanted = "".join(words)
        for start in range(len(said) - 1, -1, -1):
            end, text = start, ""
            while end < len(said) and len(text) < len(wanted):
                text += said[end]
                end += 1
            if wanted and text == wanted:
                return start, end
    return None


def _ways_to_say(value: str) -> Iterator[list[str]]:
    yield spoken_words(value.replace("_", " "))
    day = parse_day(value) if any(char.isdigit() for char in value) else None
    if day is not None:
        month, number = _MONTHS[day.month - 1], spoken_words(str(day.day))
        yield from ([month, *number], [*number, "of", month], [*number, month])


def _errors(said: Sequence[str], heard: Sequence[str], span: tuple[int, int]) -> int:
    """Return how many of the words ``said[start:end]`` were heard as something else or not at all.

    None where their letters were heard in a row, however they were cut into words.
    """
    from rapidfuzz.distance import Levenshtein

    start, end = span
    if "".join(said[start:end]) in "".join(heard):
        return 0
    edits = Levenshtein.editops(list(said), list(heard))
    wrong = {edit.src_pos for edit in edits if edit.tag != "insert" and start <= edit.src_pos < end}
    return len(wrong) or 1
