"""What a run's directory tells beside its config, its records and the grades that count."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.records.grade import Grade
from evalkit.records.json import JsonObject


@dataclass(frozen=True)
class PriceDates:
    """Which day's prices were used when: (from this moment on, day), oldest first."""

    since: tuple[tuple[str, str], ...] = ()

    def at(self, moment: str) -> str:
        """Return the day whose prices were used at `moment` (UTC, ISO 8601); empty when that is not known."""
        position = bisect_right([begin for begin, _ in self.since], moment)
        return self.since[max(position - 1, 0)][1] if self.since else ""

    @property
    def latest(self) -> str:
        """The day of the newest prices."""
        return self.since[-1][1] if self.since else ""


@dataclass(frozen=True)
class RunHistory:
    """How a run came to what it is.

    Attributes:
        prices: Which day's prices were used when.
        discarded: Grades that do not count, replaced records' or unanswered; they may have been paid for.
        concurrency: Changes of how many attempts were under way, oldest first.

    """

    prices: PriceDates = PriceDates()
    discarded: Sequence[Grade] = ()
    concurrency: Sequence[JsonObject] = ()


NO_HISTORY = RunHistory()
