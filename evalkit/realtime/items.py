"""The output items of a response under construction: messages with their parts, and tool calls. No I/O.

Servers differ in which ids they repeat where; an item is found by any of item id, call id and output index.
"""

from __future__ import annotations

from collections.abc import Callable


class Told:
    """A text told in pieces and again whole; the highest rank that said anything is right."""

    __slots__ = ("_pieces", "_rank", "_whole")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._whole = ""
        self._rank = 0

    def add(self, piece: str) -> None:
        """Take the next piece."""
        self._pieces.append(piece)

    def settle(self, rank: int, whole: str) -> None:
        """Take the whole text from a source of `rank`, from 1 on; an empty one says nothing."""
        if whole and rank > self._rank:
            self._rank, self._whole = rank, whole

    @property
    def value(self) -> str:
        """What is known by now."""
        return self._whole or "".join(self._pieces)


class Part:
    """One content part of a message."""

    __slots__ = ("text", "transcript")

    def __init__(self) -> None:
        self.text, self.transcript = Told(), Told()


class Item:
    """One output item: a message with content parts, or a tool call."""

    __slots__ = ("arguments", "call_id", "is_call", "is_final", "item_id", "name", "output_index", "parts")

    def __init__(self) -> None:
        self.item_id = self.call_id = self.name = ""
        self.output_index: int | None = None
        self.is_call = self.is_final = False
        self.arguments = Told()
        self.parts: dict[int, Part] = {}

    def part(self, content_index: int | None) -> Part:
        """Return the content part, made on first sight; without an index, the first."""
        return self.parts.setdefault(content_index or 0, Part())

    def texts(self, of: Callable[[Part], Told]) -> list[str]:
        """Return one kind of text of all parts, in order."""
        return [of(part).value for _, part in sorted(self.parts.items())]


class Items:
    """The output items of one response, found again by whichever of their ids an event carries."""

    def __init__(self) -> None:
        self._all: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._by_call: dict[str, Item] = {}
        self._by_index: dict[int, Item] = {}

    def find(self, item_id: str, output_index: int | None, call_id: str = "") -> Item:
        """Return the item, made on first sight. An event without any id speaks of the first item."""
        if not item_id and not call_id and output_index is None:
            output_index = 0
        item = self._by_id.get(item_id) or self._by_call.get(call_id)
        if item is None and output_index is not None:
            placed = self._by_index.get(output_index)
            item = placed if placed is not None and not (item_id and placed.item_id) else None
        if item is None:
            item = Item()
            self._all.append(item)
        self._learn(item, item_id, output_index, call_id)
        return item

    def _learn(self, item: Item, item_id: str, output_index: int | None, call_id: str) -> None:
        if item_id:
            item.item_id = item.item_id or item_id
            self._by_id.setdefault(item_id, item)
        if call_id:
            item.call_id = item.call_id or call_id
            self._by_call.setdefault(call_id, item)
        if output_index is not None and item.output_index is None:
            item.output_index = output_index
            self._by_index.setdefault(output_index, item)

    def in_order(self) -> list[Item]:
        """Return the items as the server numbered them; those without a number last, as they came.

        An item in the place of another of its kind that the finished response lists was told of under a wrong id; it is
        left out.
        """
        taken = {(item.output_index, item.is_call) for item in self._all if item.is_final}
        items = [item for item in self._all if item.is_final or (item.output_index, item.is_call) not in taken]
        return sorted(items, key=lambda item: (item.output_index is None, item.output_index or 0))
