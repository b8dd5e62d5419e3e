"""Slots that processes of any machines share: no more are held at once than there are, whoever dies and whenever.

::

    <folder>/slot-<k>/                     a slot; free when it is not there, or is empty
    <folder>/slot-<k>/<owner>.<n>          held: the n-th slot of that owner, `<machine>-<id>`
    <folder>/owners/<owner>.lock           locked while the owner lives; asked on its own machine only
    <folder>/owners/<owner>.beat           a counter that moves while it does, for every other machine
    <folder>/taking-<owner>.<n>/           what a slot is taken with

A slot is **taken** by renaming a folder that has the mark in it to the slot's name. Over a folder that holds something
no file system renames another one, so of all who try it at once exactly one succeeds, on whatever machines they are. It
is **given back** by removing the mark. No mark's name is ever used twice: whoever removes one that is gone, because he
was thought dead or is late, frees nobody else's slot.

The slot of an owner who is **gone** is freed by whoever waits for one. On its own machine the operating system says so,
at once: the owner's lock is free. Anywhere else its counter has stood still for `lost_after_s`, by the clock of the one
who waits. An owner that was suspended, or cut off from the files, for so long and goes on afterwards ends what it
had begun; its slot may be somebody else's by then, and that is logged.
"""

from __future__ import annotations

import errno
import logging
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from evalkit.clock import Clock
from evalkit.store.file_system import NOT_EMPTY
from evalkit.store.heartbeat import Heartbeats, beating
from evalkit.store.host import host_identity

_log = logging.getLogger(__name__)

# So often one who waits looks whether those who hold the slots are still there.
_LOOK_S = 0.5


@dataclass(frozen=True)
class HeldSlot:
    """A slot that is held: its number, and the mark in it."""

    number: int
    mark: str


def machine_name() -> str:
    """Return this machine's identity as part of a file's name."""
    return sha256(host_identity().encode()).hexdigest()[:12]


class Slots:
    """The slots in `folder`, as one owner takes them. To be entered; for one thread at a time.

    Args:
        folder: Shared by all owners; made if need be.
        count: How many slots there are. Owners that say different numbers share those that they have in common.
        lost_after_s: An owner on another machine that gives no sign of life for so long is gone.
        clock: Of this process.
        machine: What tells this machine from others; by default its :func:`machine_name`.

    """

    def __init__(
        self, folder: Path, count: int, lost_after_s: float, clock: Clock, *, machine: str | None = None
    ) -> None:
        self._folder, self._count = folder, count
        machine = machine or machine_name()
        self._owner = f"{machine}-{uuid4().hex[:16]}"
        self._marks = 0
        self._mark: str | None = None  # of the folder that the next slot is taken with
        self._held: set[HeldSlot] = set()
        self._others = _Owners(self._owners, machine, lost_after_s, clock)
        self._beat: Callable[[], None] = lambda: None
        self._open = ExitStack()

    def __enter__(self) -> Slots:
        """Give signs of life from now on."""
        self._owners.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            opened.enter_context(FileLock(self._owners / f"{self._owner}.lock", thread_local=False))
            self._beat = opened.enter_context(beating(self._owners / f"{self._owner}.beat"))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is held, and leave nothing behind."""
        for slot in list(self._held):
            self.give_back(slot)
        if self._mark is not None:
            with suppress(OSError):
                (self._taking(self._mark) / self._mark).unlink()
                self._taking(self._mark).rmdir()
            self._mark = None
        self._open.close()
        for kind in ("beat", "lock"):
            with suppress(OSError):
                (self._owners / f"{self._owner}.{kind}").unlink()

    def take(self) -> HeldSlot | None:
        """Return a slot that is this owner's from now on, None when all are held by owners who live."""
        self._beat()  # whoever sees the mark of one that was away is to see that it is back
        if slot := self._take_free():
            return slot
        return self._take_free() if self._free_gone() else None

    def give_back(self, slot: HeldSlot) -> None:
        """Free a slot of this owner's; nothing happens where it was given back."""
        if slot in self._held and not self._remove(slot):
            _log.warning("slot %d was taken for that of a process that is gone", slot.number)
        self._held.discard(slot)

    def _take_free(self) -> HeldSlot | None:
        mark = self._mark = self._mark or self._prepare()
        first = random.randrange(self._count)
        for step in range(self._count):
            number = (first + step) % self._count
            if self._put(mark, number):
                self._mark = None
                slot = HeldSlot(number, mark)
                self._held.add(slot)
                return slot
        return None

    def _prepare(self) -> str:
        """Make a folder with a new mark in it, and return the mark."""
        self._marks += 1
        mark = f"{self._owner}.{self._marks}"
        folder = self._taking(mark)
        folder.mkdir()
        (folder / mark).touch(exist_ok=False)
        return mark

    def _put(self, mark: str, number: int) -> bool:
        try:
            self._taking(mark).rename(self._path(number))
        except FileNotFoundError:  # it was done, the answer got lost, and it was asked for again: NFS does that
            return (self._path(number) / mark).exists()
        except OSError as error:
            if error.errno in NOT_EMPTY:
                return False
            raise
        return True

    def _free_gone(self) -> bool:
        """Free the slots of owners who are gone, now and then; return whether there were any."""
        if not self._others.is_due():
            return False
        held = [slot for number in range(self._count) for slot in self._find_held(number)]
        gone = self._others.find_gone({_owner_of(slot) for slot in held} - {self._owner})
        freed = [slot for slot in held if _owner_of(slot) in gone and self._remove(slot)]
        for slot in freed:
            _log.warning("slot %d is free again: the process that held it is gone", slot.number)
        return bool(freed)

    def _find_held(self, number: int) -> Iterator[HeldSlot]:
        try:
            names = [path.name for path in self._path(number).iterdir()]
        except OSError:  # never taken so far, or renamed over at this moment
            return
        for name in names:
            yield HeldSlot(number, name)

    def _remove(self, slot: HeldSlot) -> bool:
        try:
            (self._path(slot.number) / slot.mark).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.ESTALE:  # the folder that it was in is another one by now
                return False
            raise
        return True

    @property
    def _owners(self) -> Path:
        return self._folder / "owners"

    def _path(self, number: int) -> Path:
        return self._folder / f"slot-{number}"

    def _taking(self, mark: str) -> Path:
        return self._folder / f"taking-{mark}"


class _Owners:
    """Which owners are gone, as one of them sees it who waits for a slot."""

    def __init__(self, folder: Path, machine: str, lost_after_s: float, clock: Clock) -> None:
        self._folder, self._machine, self._lost_after_s, self._clock = folder, machine, lost_after_s, clock
        self._heartbeats = Heartbeats(clock)
        self._looked_s: float | None = None

    def is_due(self) -> bool:
        """Tell whether it is time to look."""
        return self._looked_s is None or self._clock.now() - self._looked_s >= _LOOK_S

    def find_gone(self, owners: set[str]) -> set[str]:
        """Return which of `owners` are gone."""
        self._looked_s = self._clock.now()
        return {owner for owner in owners if self._is_gone(owner)}

    def _is_gone(self, owner: str) -> bool:
        if owner.partition("-")[0] == self._machine:
            return not self._is_locked(owner)
        return self._heartbeats.silent_s(self._folder / f"{owner}.beat") >= self._lost_after_s

    def _is_locked(self, owner: str) -> bool:
        path = self._folder / f"{owner}.lock"
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True


def _owner_of(slot: HeldSlot) -> str:
    return slot.mark.partition(".")[0]
