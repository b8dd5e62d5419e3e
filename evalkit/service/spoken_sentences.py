"""Words and their sound as a response streams them, piece by piece; whole, or sentence by sentence as they are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalkit.service.brain.conversation import Call

_WORDS_PER_TEXT_PIECE = 3


@dataclass
class _Told:
    text: str
    sound: bytes | None = None


class SpokenSentences:
    """A reply that is spoken while its model writes it.

    Iterating never waits: a piece without words and sound says that nothing is due. It ends after :meth:`finish`, when
    every sentence has been given.

    Args:
        piece_bytes: How much sound goes with a piece.

    Attributes:
        audio: The sound of what was given, in the response's format.
        calls: The tools to call after the words; known when it is finished.

    """

    def __init__(self, piece_bytes: int) -> None:
        self.audio = bytearray()
        self.calls: tuple[Call, ...] = ()
        self._piece_bytes = piece_bytes
        self._told: list[_Told] = []
        self._is_finished = False

    def add(self, text: str) -> int:
        """Take the next sentence and return its number; it is given when its sound is known."""
        self._told.append(_Told(text))
        return len(self._told) - 1

    def voice(self, number: int, sound: bytes) -> None:
        """Take the sound of the sentence of that number; empty for silence, or for text."""
        self._told[number].sound = sound

    def finish(self, calls: tuple[Call, ...]) -> None:
        """Take it that there is no other sentence."""
        self.calls, self._is_finished = calls, True

    @property
    def can_begin(self) -> bool:
        """Whether the first sentence can be given."""
        return bool(self._told) and self._told[0].sound is not None

    @property
    def text(self) -> str:
        """All that was told so far."""
        return "".join(told.text for told in self._told)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is due, piece by piece."""
        number = 0
        while not (self._is_finished and number == len(self._told)):
            sound = self._told[number].sound if number < len(self._told) else None
            if sound is None:
                yield "", b""
                continue
            self.audio += sound
            yield from pieces_of(self._told[number].text, sound, self._piece_bytes)
            number += 1


def pieces_of(text: str, audio: bytes, piece_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield some words with each piece of sound, the words a little ahead; words alone where there is no sound."""
    pieces = [audio[start : start + piece_bytes] for start in range(0, len(audio), piece_bytes)]
    words = re.findall(r"\s*\S+\s*", text) or ([text] if text else [])
    if not pieces:
        for start in range(0, len(words), _WORDS_PER_TEXT_PIECE):
            yield "".join(words[start : start + _WORDS_PER_TEXT_PIECE]), b""
        return
    told = 0
    for index, piece in enumerate(pieces):
        due = -(-len(words) * (index + 1) // len(pieces))
        yield "".join(words[told:due]), piece
        told = due
