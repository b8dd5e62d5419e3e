"""Ends a process without taking it apart: the system does that at once, Python needs a quarter of a second for it.

That is what it takes to free hundreds of modules and their objects one by one, at the end of every command, of the
embedded provider and of the process that draws.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn


def run_process(main: Callable[[], int]) -> NoReturn:
    """Call `main` and end this process with the exit code that it returns.

    Threads are waited for and exit functions called, as at the end of any process. Where `main` raises, or what was
    printed cannot be written, Python ends in its own way. To be called before exit functions are registered: those
    that are there already are not called.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)  # registered first, called last
    codes.append(main())
    sys.exit(codes[0])


def _leave(codes: list[int]) -> None:
    if not codes:
        return
    with suppress(AttributeError, OSError, ValueError):  # closed, or nobody reads any longer
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])
