"""Sessions that are held at once, measured: what CPU they and the service took, and how late their chunks were."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil

from evalkit import event_loop
from evalkit.heap import frozen_heap

T = TypeVar("T")


def hold_at_once(
    server: psutil.Process, hold_all: Callable[[Path], Coroutine[Any, Any, Sequence[T]]]
) -> tuple[Sequence[T], dict[str, float]]:
    """Return the sessions that `hold_all` holds, with a folder for their files, and the CPU it took, in cores."""
    gc.collect()
    with tempfile.TemporaryDirectory(prefix="held_at_once_") as folder:
        served, client, began = sum(server.cpu_times()[:2]), time.process_time(), time.perf_counter()
        with frozen_heap():
            held = event_loop.run(hold_all(Path(folder)))
        took = time.perf_counter() - began
        client, served = time.process_time() - client, sum(server.cpu_times()[:2]) - served
    return held, {"client_cpu": client / took, "server_cpu": served / took}


def describe_lateness(sessions: Iterable[Sequence[float]]) -> dict[str, float]:
    """Return median, 99th percentile and maximum of the lateness of all chunks of all sessions, in ms."""
    late = np.concatenate(list(sessions))
    p50, p99 = np.percentile(late, [50, 99])
    return {"lateness_p50_ms": float(p50), "lateness_p99_ms": float(p99), "lateness_max_ms": float(late.max())}
