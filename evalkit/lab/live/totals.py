"""How a run stands, counted along its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from evalkit.lab.index.rows import TrialEnding
from evalkit.records.faults import Fault
from evalkit.store.run_directory import RunStatus

_SCORED = (None, Fault.ASSISTANT)


def ending_when_finished(event: Mapping[str, Any]) -> TrialEnding:
    """Return how a case-trial ended, by its line in the journal; before it has grades."""
    fault = event.get("fault")
    if fault not in _SCORED:
        return TrialEnding.LOST
    return TrialEnding.FAILED if fault else TrialEnding.UNGRADED


def ending_when_graded(passed: bool | None, before: TrialEnding) -> TrialEnding:
    """Return how a case-trial ended that now `passed` or not, and had ended as `before`."""
    if passed is None:
        return before if before is TrialEnding.LOST else TrialEnding.UNGRADED
    return TrialEnding.PASSED if passed else TrialEnding.FAILED


class RunTotals:
    """Counts of one run; each line of its journal is taken once, in order.

    Attributes:
        planned: How many case-trials it is to have.
        status: As the journal has it; ``running`` until it says how the run ended.
        exit_code: Of the run; None while it goes on.

    """

    def __init__(self, planned: int = 0) -> None:
        self.planned = planned
        self.status: str = RunStatus.RUNNING
        self.exit_code: int | None = None
        self._endings: dict[str, TrialEnding] = {}
        self._running: set[str] = set()
        self._ended: Counter[TrialEnding] = Counter()
        self._records, self._tries = _Spending(), _Spending()
        self._tries_failed = 0
        self._limit: int | None = None
        self._paused_until: str | None = None
        self._last_at: str | None = None

    def take(self, event: Mapping[str, Any], passed: bool | None = None) -> None:
        """Count one line; `passed`: of a ``graded`` line, whether the case-trial passes now."""
        self._last_at = _text(event.get("at")) or self._last_at
        key = str(event.get("key", ""))
        match event["event"]:
            case "began" | "resumed":
                self._begin(event)
            case "started":
                self._running.add(key)
            case "failed":
                self._tries_failed += 1
                self._tries.add(key, event)
            case "finished":
                self._running.discard(key)
                self._note_ending(key, ending_when_finished(event))
                self._tries.forget(key)  # a record's costs are those of all its tries
                self._records.forget(key)
                self._records.add(key, event)
            case "graded":
                self._note_ending(key, ending_when_graded(passed, self._endings.get(key, TrialEnding.UNGRADED)))
            case "concurrency" | "paused":
                self._slow_down(event)
            case "ended":
                self._end(event)

    def as_json(self) -> dict[str, Any]:
        """Return the counts, and what the case-trials cost in dollars as far as prices are known."""
        return {
            "status": self.status,
            "exit_code": self.exit_code,
            "planned": self.planned,
            "finished": len(self._endings),
            **{ending.value: self._ended[ending] for ending in TrialEnding if ending is not TrialEnding.RUNNING},
            "running": len(self._running),
            "tries_failed": self._tries_failed,
            "cost_usd": self._records.usd + self._tries.usd,
            "cost_is_whole": not self._records.unknown and not self._tries.unknown,
            "limit": self._limit,
            "paused_until": self._paused_until,
            "last_at": self._last_at,
        }

    def _note_ending(self, key: str, ending: TrialEnding) -> None:
        if key in self._endings:
            self._ended[self._endings[key]] -= 1
        self._endings[key] = ending
        self._ended[ending] += 1

    def _begin(self, event: Mapping[str, Any]) -> None:
        planned = event.get("planned")
        self.planned = planned if isinstance(planned, int) else self.planned
        self.status, self.exit_code = RunStatus.RUNNING, None
        self._running.clear()
        self._limit = self._paused_until = None

    def _slow_down(self, event: Mapping[str, Any]) -> None:
        limit, seconds = event.get("limit"), event.get("seconds")
        self._limit = limit if isinstance(limit, int) else self._limit
        if isinstance(seconds, int | float):
            self._paused_until = _later(event.get("at"), seconds)

    def _end(self, event: Mapping[str, Any]) -> None:
        self.status = _text(event.get("status")) or self.status
        exit_code = event.get("exit_code")
        self.exit_code = exit_code if isinstance(exit_code, int) else None
        self._running.clear()
        self._paused_until = None


class _Spending:
    """A sum of dollars by case-trial, and how many prices are not in it."""

    def __init__(self) -> None:
        self.usd = 0.0
        self.unknown = 0
        self._of_key: dict[str, tuple[float, int]] = {}

    def add(self, key: str, event: Mapping[str, Any]) -> None:
        """Add what the line `event` says that something cost; a line of an earlier version does not know."""
        told = event.get("cost_usd")
        prices = list(told.values()) if isinstance(told, Mapping) else [None]
        usd = sum(price for price in prices if isinstance(price, int | float))
        before_usd, before_unknown = self._of_key.get(key, (0.0, 0))
        self._of_key[key] = (before_usd + usd, before_unknown + prices.count(None))
        self.usd += usd
        self.unknown += prices.count(None)

    def forget(self, key: str) -> None:
        """Take a case-trial's costs out again."""
        usd, unknown = self._of_key.pop(key, (0.0, 0))
        self.usd -= usd
        self.unknown -= unknown


def _text(value: object) -> str | None:
    return value[:40] if isinstance(value, str) else None


def _later(at: object, seconds: float) -> str | None:
    try:
        return (datetime.fromisoformat(str(at)).astimezone(UTC) + timedelta(seconds=seconds)).isoformat()
    except (ValueError, OverflowError):
        return None
