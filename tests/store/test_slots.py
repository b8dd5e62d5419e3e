"""No more slots are held than there are, whoever takes, ends or is killed between two steps, on whatever machine."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_clock import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.store import slots as slots_module
from evalkit.store.slots import HeldSlot, Slots, machine_name

LOST_AFTER_S = 60.0


@pytest.fixture(autouse=True)
def counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters that tests move, and no thread."""
    monkeypatch.setattr(slots_module, "beating", _beating_by_hand)


@contextmanager
def _beating_by_hand(path: Path) -> Iterator[Callable[[], None]]:
    _beat(path)
    yield lambda: _beat(path)


def _beat(path: Path) -> None:
    path.write_text(f"{int(path.read_text() if path.exists() else 0) + 1}", encoding="utf-8")


def _beat_all(folder: Path) -> None:
    for path in (folder / "owners").glob("*.beat"):
        _beat(path)


def _counter_of(folder: Path, machine: str) -> Path:
    (path,) = (folder / "owners").glob(f"{machine}-*.beat")
    return path


def _looks_until_it_has_one(waiting: Slots, clock: FakeClock) -> int:
    """Return how often one that looks every five seconds has to look."""
    for number in range(1, 100):
        clock.now_s += 5
        if waiting.take() is not None:
            return number
    return -1


def test_slots_are_taken_until_there_are_none_and_come_back(tmp_path: Path) -> None:
    """Each once; what one owner gives back another one takes; owners that end leave nothing behind."""
    clock = FakeClock()
    with Slots(tmp_path, 2, LOST_AFTER_S, clock) as mine, Slots(tmp_path, 2, LOST_AFTER_S, clock) as yours:
        first, second = mine.take(), yours.take()
        assert first is not None
        assert second is not None
        assert {first.number, second.number} == {0, 1}
        assert mine.take() is None
        yours.give_back(second)
        assert mine.take() is not None
        clock.now_s += 1
        assert yours.take() is None
    with Slots(tmp_path, 2, LOST_AFTER_S, clock) as later:
        assert later.take() is not None
        assert later.take() is not None
    assert list((tmp_path / "owners").iterdir()) == []
    assert list(tmp_path.glob("taking-*")) == []


def test_owners_with_other_numbers_share_what_they_have_in_common(tmp_path: Path) -> None:
    """A resume may say another number while jobs with the earlier one still run."""
    with Slots(tmp_path, 1, LOST_AFTER_S, FakeClock()) as few, Slots(tmp_path, 3, LOST_AFTER_S, FakeClock()) as many:
        taken = [slot for slot in (many.take(), many.take(), many.take()) if slot]
        assert len(taken) == 3
        assert few.take() is None
        many.give_back(next(slot for slot in taken if slot.number == 0))
        assert few.take() is not None


def test_another_machines_silence_frees_its_slot_and_its_lock_is_not_asked(tmp_path: Path) -> None:
    """For as long as its counter moves it holds it, though nobody holds its lock here; the bound counts from a look."""
    clock = FakeClock()
    with Slots(tmp_path, 1, LOST_AFTER_S, clock, machine="far") as far, Slots(tmp_path, 1, LOST_AFTER_S, clock) as mine:
        held = far.take()
        assert held is not None
        lock = next((tmp_path / "owners").glob("far-*.lock"))
        lock.unlink()
        for _ in range(40):
            _beat(_counter_of(tmp_path, "far"))
            clock.now_s += 5
            assert mine.take() is None
        for _ in range(12):  # it was seen to beat at the last of the looks
            clock.now_s += 4.9
            assert mine.take() is None
        clock.now_s += 4.9
        assert mine.take() is not None


def test_a_late_owner_frees_nobody_elses_slot(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that was suspended and taken for gone gives back what it no longer has, and says so."""
    clock = FakeClock()
    with Slots(tmp_path, 1, LOST_AFTER_S, clock, machine="far") as far, Slots(tmp_path, 1, LOST_AFTER_S, clock) as mine:
        held = far.take()
        assert held is not None
        assert mine.take() is None
        assert _looks_until_it_has_one(mine, clock) == 12
        with caplog.at_level(logging.WARNING):
            far.give_back(held)
        assert "was taken for that of a process that is gone" in caplog.text
        assert far.take() is None


def test_a_late_owner_frees_not_even_its_own_next_slot(tmp_path: Path) -> None:
    """One of its requests is late, another one has the same slot by then: every mark has a name of its own."""
    clock = FakeClock()
    with Slots(tmp_path, 1, LOST_AFTER_S, clock, machine="far") as far, Slots(tmp_path, 1, LOST_AFTER_S, clock) as mine:
        first = far.take()
        assert first is not None
        assert mine.take() is None
        assert _looks_until_it_has_one(mine, clock) == 12
        for slot in list(mine._held):
            mine.give_back(slot)
        second = far.take()
        assert second is not None
        far.give_back(first)
        assert mine.take() is None


def test_who_was_away_itself_calls_nobody_gone_at_once(tmp_path: Path) -> None:
    """After a file system that hung for all, or a suspension, the others get the time to give a sign of life."""
    clock = FakeClock()
    with Slots(tmp_path, 1, LOST_AFTER_S, clock, machine="far") as far, Slots(tmp_path, 1, LOST_AFTER_S, clock) as mine:
        assert far.take() is not None
        assert mine.take() is None
        clock.now_s += 600
        assert mine.take() is None
        _beat(_counter_of(tmp_path, "far"))
        clock.now_s += 5
        assert mine.take() is None
        assert _looks_until_it_has_one(mine, clock) == 12


def test_this_machines_owner_is_gone_when_its_lock_is_free(tmp_path: Path) -> None:
    """At once, without a look at its counter."""
    clock = FakeClock()
    with Slots(tmp_path, 1, LOST_AFTER_S, clock) as mine, Slots(tmp_path, 1, LOST_AFTER_S, clock) as dies:
        assert dies.take() is not None
        assert mine.take() is None
        dies._open.close()  # as its process's end does
        clock.now_s += 1
        assert mine.take() is not None


def test_an_answer_that_got_lost_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS may do a renaming, lose the answer, ask again, and be told that there is nothing to rename."""
    rename = os.rename

    def rename_and_forget(source: Path, target: Path) -> None:
        rename(source, target)
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))

    with Slots(tmp_path, 1, LOST_AFTER_S, FakeClock()) as mine, Slots(tmp_path, 1, LOST_AFTER_S, FakeClock()) as yours:
        monkeypatch.setattr(os, "rename", rename_and_forget)
        assert mine.take() is not None
        monkeypatch.undo()
        assert yours.take() is None


def test_other_troubles_are_not_taken_for_a_slot_that_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails ends the wait."""

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Slots(tmp_path, 1, LOST_AFTER_S, FakeClock()) as mine:
        monkeypatch.setattr(os, "rename", fail)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            mine.take()
        monkeypatch.undo()


def test_machines_have_names_that_files_can_have() -> None:
    """Without a dash or a dot, which separate the parts of a mark."""
    assert machine_name().isalnum()


class _Killed(BaseException):
    """What ends a process of the simulation between two steps."""


class _Process(threading.Thread):
    """Takes and gives back slots, one step at a time: a step touches the files once."""

    def __init__(self, number: int, folder: Path, count: int, clock: FakeClock, machine: str) -> None:
        super().__init__(daemon=True)
        self.number = number
        self.slots = _SteppedSlots(folder, count, LOST_AFTER_S, clock, machine=machine)
        self.slots.step = self._wait_for_turn
        self.inside: HeldSlot | None = None
        self.is_killed = self.is_over = False
        self.trouble: BaseException | None = None
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)

    def begin(self) -> None:
        """Come to the first step."""
        self.slots.__enter__()
        self.start()
        self._stands.acquire()

    def advance(self) -> None:
        """Take one step."""
        if not self.is_over:
            self._go.release()
            self._stands.acquire()

    def kill(self) -> None:
        """End between two steps, as the operating system ends a process: its lock is free then."""
        self.is_killed = True
        self.advance()
        self.inside = None
        self.slots._open.close()

    def run(self) -> None:
        """Take a slot and give it back, over and over."""
        try:
            while True:
                slot = self.slots.take()
                if slot is not None:
                    self.inside = slot
                    for _ in range(3):
                        self._wait_for_turn()
                    self.inside = None
                    self.slots.give_back(slot)
        except _Killed:
            pass
        except BaseException as error:  # noqa: BLE001  shown by the test's own thread
            self.trouble = error
        self.is_over = True
        self._stands.release()

    def _wait_for_turn(self) -> None:
        self._stands.release()
        self._go.acquire()
        if self.is_killed:
            raise _Killed


class _SteppedSlots(Slots):
    """Slots that wait for their turn before each step."""

    step = staticmethod(lambda: None)

    def _put(self, mark: str, number: int) -> bool:
        self.step()
        return super()._put(mark, number)

    def _prepare(self) -> str:
        self.step()
        return super()._prepare()

    def _remove(self, slot: HeldSlot) -> bool:
        self.step()
        return super()._remove(slot)

    def _find_held(self, number: int) -> Iterator[HeldSlot]:
        self.step()
        return super()._find_held(number)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("step"), st.integers(0, 3)),
        st.tuples(st.just("step"), st.integers(0, 3)),
        st.tuples(st.just("step"), st.integers(0, 3)),
        st.tuples(st.just("kill"), st.integers(0, 3)),
        st.tuples(st.just("sleep"), st.integers(0, 3)),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 2), actions=ACTIONS)
def test_no_order_of_steps_gives_one_slot_to_two(count: int, actions: list[tuple[str, int]]) -> None:
    """Four processes on three machines, in any order, killed or put to sleep anywhere; at the end all slots are there.

    One that sleeps for longer than the bound is counted no more, and what it does when it goes on harms nobody.
    """
    folder, clock = Path(tempfile.mkdtemp()), FakeClock()
    processes = [_Process(number, folder, count, clock, machine) for number, machine in enumerate("aabc")]
    try:
        for process in processes:
            process.begin()
        for kind, number in actions:
            if kind == "step":
                processes[number].advance()
            elif kind == "kill":
                processes[number].kill()
            else:
                _sleep_for_long(clock, processes[number], [other for other in processes if other.number != number])
            inside = [process.inside.number for process in processes if process.inside]
            assert len(set(inside)) == len(inside) <= count
        for process in processes:
            process.kill()
        with Slots(folder, count, LOST_AFTER_S, clock, machine="d") as last:
            taken = 0
            for _ in range(30):
                taken += last.take() is not None
                clock.now_s += 5
            assert taken == count
    finally:
        for process in processes:
            process.kill()
        shutil.rmtree(folder)
    assert [process.trouble for process in processes if process.trouble] == []


def _sleep_for_long(clock: FakeClock, sleeper: _Process, others: list[_Process]) -> None:
    """Let `sleeper` do nothing for 80 seconds, if it can with a slot, while all others that live go on."""
    for _ in range(20):
        if sleeper.inside is None:
            sleeper.advance()
    for second in range(0, 80, 5):
        clock.now_s += 5
        if second >= LOST_AFTER_S - 5:
            sleeper.inside = None
        for other in others:
            if not other.is_killed:
                _beat(other.slots._owners / f"{other.slots._owner}.beat")
            for _ in range(3):
                other.advance()
        inside = [process.inside.number for process in (sleeper, *others) if process.inside]
        assert len(set(inside)) == len(inside)
    if not sleeper.is_killed:
        _beat(sleeper.slots._owners / f"{sleeper.slots._owner}.beat")
