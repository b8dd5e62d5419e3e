"""Which of the calls made answers which of the calls expected.

One rule for everything that reads a record (graders, result tables): an expected call is answered by the first call of
its name that no earlier expectation has taken. A call that answers nothing is surplus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.records.case import ExpectedCall
from evalkit.records.record import ToolCall


@dataclass(frozen=True)
class Pairing:
    """Expected and actual calls, side by side.

    Attributes:
        answers: For each expected call the position of the call that answers it, or None where it was never made.
        surplus: Positions of the calls that were not expected, in the order they were made.

    """

    answers: tuple[int | None, ...]
    surplus: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every expected call was made."""
        return None not in self.answers


def pair_calls(expected: Sequence[ExpectedCall], calls: Sequence[ToolCall]) -> Pairing:
    """Return which call answers which expectation, by name alone and whatever the order of the names."""
    free = list(range(len(calls)))
    answers: list[int | None] = []
    for wanted in expected:
        position = next((index for index in free if calls[index].name == wanted.name), None)
        answers.append(position)
        if position is not None:
            free.remove(position)
    return Pairing(tuple(answers), tuple(free))


def predicted_calls(expected: Sequence[ExpectedCall], calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Return the calls to show beside the expected ones: those that answer them, else the first call made."""
    answers = [position for position in pair_calls(expected, calls).answers if position is not None]
    return tuple(calls[position] for position in answers) or tuple(calls[:1])
