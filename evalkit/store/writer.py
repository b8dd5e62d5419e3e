"""The thread that writes what conversations leave behind, one file after the other.

Two hundred conversations that end in the same second write four hundred files, each synced to the disk. Several threads
that do that at once keep the event loop from its turn, and those who still talk fall behind; one does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

WRITER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")


async def in_writer(write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `write` returns, called in the writer's thread when all that was asked before is written."""
    return await asyncio.wrap_future(WRITER.submit(write, *args, **kwargs))
