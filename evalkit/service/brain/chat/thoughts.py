"""Keeps what a model thinks aloud between ``<think>`` tags from being spoken, however the text is cut into pieces.

Some templates put the first tag into the prompt, so that only ``</think>`` comes: then all that came before was a
thought, which is known too late (:attr:`ThoughtFilter.thought_from_the_beginning`). A thought without an end is a
thought.
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThoughtFilter:
    """Takes pieces of what a model writes, and gives what of it is to be said.

    Args:
        begins_inside: The model is known to begin with a thought, without its first tag.

    Attributes:
        thought_from_the_beginning: Whether a last tag came without a first: what :meth:`take` gave before was a
            thought, and what it gave with that piece is not.

    """

    def __init__(self, *, begins_inside: bool = False) -> None:
        self.thought_from_the_beginning = False
        self._begins_inside = begins_inside
        self._is_inside = begins_inside
        self._has_closed = False
        self._held = ""
        self._thought = ""
        self._has_said = False

    def take(self, piece: str) -> str:
        """Return what is to be said for certain by now, and was not returned before."""
        self._held += piece
        said = ""
        while (found := self._next_tag()) is not None:
            at, tag = found
            before, self._held = self._held[:at], self._held[at + len(tag) :]
            if self._is_inside:
                self._thought += before
            elif tag == _OPEN:
                said += before
            else:
                self.thought_from_the_beginning, said, self._has_said = True, "", False
            self._is_inside = tag == _OPEN
            self._has_closed = self._has_closed or tag == _CLOSE
        kept = _beginning_of_a_tag(self._held)
        certain, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        if self._is_inside:
            self._thought += certain
            return self._spoken(said)
        return self._spoken(said + certain)

    def rest(self, *, is_cut: bool) -> str:
        """Return what is left to be said when the text is over.

        Args:
            is_cut: Whether a limit ended it: then a model that begins with a thought was still thinking.

        """
        if not self._is_inside:
            return self._spoken(self._held)
        has_not_thought = self._begins_inside and not self._has_closed and not is_cut
        return self._spoken(self._thought + self._held) if has_not_thought else ""

    def _next_tag(self) -> tuple[int, str] | None:
        tags = (_CLOSE,) if self._is_inside else (_OPEN, _CLOSE)
        found = [(at, tag) for tag in tags if (at := self._held.find(tag)) >= 0]
        return min(found, default=None)

    def _spoken(self, text: str) -> str:
        """Return `text` without the white space that an answer begins with behind a thought."""
        if not self._has_said:
            text = text.lstrip()
            self._has_said = bool(text)
        return text


def _beginning_of_a_tag(text: str) -> int:
    """Return how many of the last characters of `text` may be the beginning of a tag."""
    longest = min(len(text), len(_CLOSE) - 1)
    return next(
        (size for size in range(longest, 0, -1) if any(tag.startswith(text[-size:]) for tag in (_OPEN, _CLOSE))), 0
    )
