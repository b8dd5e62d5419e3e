"""How often somebody may be wrong about the token."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

ALLOWED = 5
WINDOW_S = 60.0
_REMEMBERED = 1000


class FailedLogins:
    """Counts wrong tokens by address: `ALLOWED` of them in `WINDOW_S` seconds, then none is looked at for as long."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Return how long `address` has to wait before its next try, in seconds; 0: it may try."""
        with self._lock:
            recent = self._recent(address)
            return recent[-ALLOWED] + WINDOW_S - self._now() if len(recent) >= ALLOWED else 0.0

    def add(self, address: str) -> None:
        """Count a wrong token from `address`."""
        with self._lock:
            self._failures[address] = [*self._recent(address), self._now()]
            self._failures.move_to_end(address)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        oldest = self._now() - WINDOW_S
        return [at for at in self._failures.get(address, []) if at > oldest]
