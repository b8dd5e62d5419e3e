"""What a line started for all its jobs, told to them in the environment: also jobs in other processes find it.

A job on another machine does not: the machine's name stands beside the addresses.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from evalkit.store.host import host_identity


def read_shared(variable: str) -> dict[str, Any]:
    """Return what a parent process on this machine shares in the environment variable `variable`, by name."""
    shared = json.loads(os.environ.get(variable, "{}"))
    return dict(shared["shared"]) if shared.get("host") == host_identity() else {}


@contextmanager
def sharing(variable: str, known: Mapping[str, Any]) -> Iterator[None]:
    """Share `known` in the environment variable `variable` until the block ends."""
    saved = os.environ.get(variable)
    os.environ[variable] = json.dumps({"host": host_identity(), "shared": known})
    try:
        yield
    finally:
        os.environ.pop(variable)
        if saved is not None:
            os.environ[variable] = saved
