"""Who works on what lies at an address: a sign of life there, since locks do not reach over object storage.

The object ``.alive.json`` names the machine and the process, and is written again and again for as long as that works.
Whoever wants to go on with the run or sweep looks whether it changes, on a clock of its own: nobody's clock is compared
with anybody else's.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from evalkit.clock import Clock
from evalkit.errors import ConfigError, ObjectStorageError
from evalkit.object_storage.local_copies import ALIVE
from evalkit.object_storage.objects import ObjectStore

BEAT_S = 15.0
"""So often a living process writes it."""

LOST_AFTER_S = 45.0
"""A process that has not written it for so long is gone."""

_LOOK_EVERY_S = 3.0


@contextmanager
def living(store: ObjectStore, host: str, *, every_s: float = BEAT_S) -> Iterator[None]:
    """Give signs of life at an address until the block ends. A storage that is away for a while is no reason to end."""
    ended = threading.Event()

    def beat() -> None:
        count = 0
        while True:
            with suppress(ObjectStorageError):
                document = {"host": host, "pid": os.getpid(), "count": count}
                store.write(ALIVE, json.dumps(document).encode())
            count += 1
            if ended.wait(every_s):
                return

    thread = threading.Thread(target=beat, name="object-storage-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=every_s)
        with suppress(ObjectStorageError):
            _retire(store)


def require_nobody_else(
    store: ObjectStore, host: str, clock: Clock, say: Callable[[str], object], sleep: Callable[[float], object]
) -> None:
    """Raise ConfigError where a process of another machine works on what lies at the address.

    One that was killed is waited for, :data:`LOST_AFTER_S` without a sign of its life; `say` tells a person so. Of this
    machine's processes their locks tell, at once.

    Raises ObjectStorageError where the storage does not answer.
    """
    theirs = _who(store)
    if theirs in ("", host):
        return
    name = theirs.partition(":")[0]
    say(f"looking for up to {LOST_AFTER_S:g} s whether the process on {name} that works on {store.address} still lives")
    began_s, before = clock.now(), store.look_up([ALIVE])
    while before and clock.now() - began_s < LOST_AFTER_S:
        sleep(_LOOK_EVERY_S)
        now = store.look_up([ALIVE])
        if now and now != before:
            raise ConfigError(f"{store.address}: a process on {name} works on it; wait for its end, or end it first")
        before = now


def _who(store: ObjectStore) -> str:
    try:
        return str(json.loads(store.read(ALIVE) or b"{}").get("host") or "")
    except (ValueError, AttributeError):
        return ""


def _retire(store: ObjectStore) -> None:
    """Say that nobody works there any more, also where nothing may be removed."""
    try:
        store.remove(ALIVE)
    except ObjectStorageError:
        store.write(ALIVE, b"{}")
