"""What a caller says in a spoken turn, ready for the wire: made by crawl and walk, and said by what holds the turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.audio.g711 import Pcm


@dataclass(frozen=True)
class PreparedUtterance:
    """What the caller says, ready for the wire.

    Attributes:
        wire: Bytes in the session's input format.
        cost_usd: What making it cost, by role; None where a price is unknown.
        speech: The speech role's own sound, 24 kHz, where `wire` does not hold it sample for sample.

    """

    wire: bytes
    cost_usd: Mapping[str, float | None] = field(default_factory=dict)
    speech: Pcm | None = None
