"""Local copies are fetched from, and uploaded to, the storage, a unit at a time: a run, or a sweep without its jobs.

What an upload writes comes in an order in which nobody takes half a run for a whole one: ``status.json`` last, and
where the storage has one already, that says ``running`` until then.

Nothing is ever lost by it. What was changed here and there since both were equal is left alone, on both sides, and
said. Nothing is removed on either side.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evalkit.errors import ObjectStorageError
from evalkit.object_storage.local_copies import (
    FETCHED,
    STATUS,
    CopyState,
    FileState,
    Synced,
    belongs_there,
    file_state,
    find_units,
    is_ledger,
    is_sweep_root,
    read_state,
    scan,
    split_into_units,
    write_state,
)
from evalkit.object_storage.objects import ObjectStore, StoredObject

UPLOADING = "uploading"
"""The key of a ``status.json`` on the storage whose run is being uploaded."""

# What makes others believe the rest, later than the rest.
_LATER: Sequence[frozenset[str]] = (
    frozenset({"journal.jsonl", "grades.jsonl"}),
    frozenset({"config.yaml", "provenance.json", "plan.json"}),
    frozenset({STATUS, "index.jsonl"}),
)

IsBusy = Callable[[Path], bool]


class CopyConflict(ObjectStorageError):
    """A unit was changed here and there since both were equal: only a person can decide."""


@dataclass
class Fetched:
    """What fetching came to.

    Attributes:
        files: How many files were written here.
        half_uploaded: The addresses of runs whose upload has not come to its end.

    """

    files: int = 0
    half_uploaded: list[str] = field(default_factory=list)


def fetch(store: ObjectStore, folder: Path, is_busy: IsBusy) -> Fetched:
    """Bring the local copy `folder` of an address up to date with all that lies below it.

    A unit that `is_busy`, being written here, is left alone.

    Raises:
        ObjectStorageError: The storage does not give it.
        CopyConflict: A unit was changed here and there; all others are up to date then.

    """
    listed = store.list_objects()
    result = Fetched()
    conflicts: list[CopyConflict] = []
    units = split_into_units(listed)
    for place in find_units(folder) if folder.is_dir() else ():
        below = place.relative_to(folder).as_posix()
        if not is_busy(place):
            _forget_what_is_gone(place, units.get("" if below == "." else below, ()))
    for unit, names in units.items():
        prefix = f"{unit}/" if unit else ""
        place = folder / unit if unit else folder
        if place.is_dir() and is_busy(place):
            continue
        objects = {name: listed[prefix + name] for name in names}
        try:
            _fetch_unit(store.below(unit) if unit else store, place, objects, result)
        except CopyConflict as conflict:
            conflicts.append(conflict)
    if conflicts:
        raise conflicts[0]
    return result


def upload_all(store: ObjectStore, folder: Path, is_busy: IsBusy) -> list[ObjectStorageError]:
    """Upload whatever was changed in the local copy `folder`; return what could not be, a problem for each unit.

    Units that lie deeper come first, so that a sweep's index follows its jobs. After three that failed in a row the
    others are not tried any more.
    """
    problems: list[ObjectStorageError] = []
    in_a_row = 0
    for unit in find_units(folder):
        below = unit.relative_to(folder).as_posix()
        if is_busy(unit):
            continue
        try:
            upload_unit(store if below == "." else store.below(below), unit)
            in_a_row = 0
        except ObjectStorageError as error:
            problems.append(error)
            in_a_row += 1
            if in_a_row == 3:
                break
    return problems


def upload_unit(store: ObjectStore, unit: Path) -> int:
    """Upload what was changed in a unit; return how many files.

    Raises ObjectStorageError where the storage does not take it, or holds what somebody else has written since.
    """
    state = read_state(unit)
    here = scan(unit)
    changed = [name for name, now in here.items() if name not in state.files or state.files[name].state != now]
    if not changed and state.pending is None:
        return 0
    if is_sweep_root(here) or not (here.keys() & {STATUS, "provenance.json"}):
        _put_in_order(store, unit, changed)
        there = store.look_up(changed)
        state.files.update({name: Synced(there[name].version, here[name]) for name in changed if name in there})
        write_state(unit, state)
        return len(changed)
    _upload_run(store, unit, state, here, changed)
    return len(changed)


def upload_ledger(store: ObjectStore, root: Path) -> None:
    """Upload what a sweep has spent so far, for whoever goes on with it elsewhere. Raises ObjectStorageError."""
    names = [path.relative_to(root).as_posix() for path in root.glob(".quota/**/*.jsonl")]
    store.upload({name: root / name for name in names if is_ledger(name)})


def _upload_run(
    store: ObjectStore, unit: Path, state: CopyState, here: Mapping[str, FileState], changed: list[str]
) -> None:
    there = {name: found for name, found in store.list_objects().items() if belongs_there(name)}
    if not _is_ours(store, state, there):
        others = [name for name, found in there.items() if _is_anothers(found, state.files.get(name))]
        if others:
            raise ObjectStorageError(
                f"{store.address}: somebody has written it since it was fetched ({_some(others)}); nothing was "
                f"uploaded, what was done here is kept in {unit}: look at both, then remove one"
            )
    missing = [name for name in here if name not in there and name not in changed]
    state.pending = uuid.uuid4().hex
    write_state(unit, state)
    is_status_held = STATUS in there and STATUS in here
    if is_status_held:
        store.write(STATUS, _uploading_status(state.pending))
        changed = [*changed, STATUS]
    _put_in_order(store, unit, list(dict.fromkeys([*changed, *missing])))
    after = store.list_objects()
    state.files = {name: Synced(after[name].version, seen) for name, seen in here.items() if name in after}
    state.pending = None
    write_state(unit, state)


def _put_in_order(store: ObjectStore, unit: Path, names: Sequence[str]) -> None:
    later = frozenset().union(*_LATER)
    groups = [[name for name in names if name not in later]]
    groups += [[name for name in names if name in group] for group in _LATER]
    for group in groups:
        store.upload({name: unit / name for name in group})


def _uploading_status(upload_id: str) -> bytes:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    document: dict[str, Any] = {"status": "running", "exit_code": None, "counts": {}, "at": at, UPLOADING: upload_id}
    return json.dumps(document, indent=2).encode() + b"\n"


def _is_ours(store: ObjectStore, state: CopyState, there: Mapping[str, StoredObject]) -> bool:
    """Whether what lies there is what an upload from here has left that did not come to its end."""
    if state.pending is None:
        return False
    return STATUS not in there or _upload_id(store.read(STATUS)) == state.pending


def _upload_id(status: bytes | None) -> str | None:
    try:
        found = json.loads(status or b"{}").get(UPLOADING)
    except (ValueError, AttributeError):
        return None
    return str(found) if found else None


def _is_anothers(found: StoredObject, known: Synced | None) -> bool:
    return known is None or known.version != found.version


def _fetch_unit(store: ObjectStore, unit: Path, objects: Mapping[str, StoredObject], result: Fetched) -> None:
    state = read_state(unit)
    if _is_ours(store, state, objects):
        return  # what is here is the whole of it
    news, doubtful = _sort_out(unit, state, objects)
    if not news and not doubtful:
        return
    arrived = unit / FETCHED
    shutil.rmtree(arrived, ignore_errors=True)
    try:
        store.download([*news, *doubtful], arrived)
        news += _decide(store, unit, arrived, doubtful, is_root=is_sweep_root(objects))
        if STATUS in news and _upload_id((arrived / STATUS).read_bytes()):
            result.half_uploaded.append(store.address)
        for name in sorted(news, key=_rank):
            (unit / name).parent.mkdir(parents=True, exist_ok=True)
            (arrived / name).replace(unit / name)
    finally:
        shutil.rmtree(arrived, ignore_errors=True)
    taken = {*news, *doubtful}
    for name in taken:
        if seen := file_state(unit / name):
            state.files[name] = Synced(objects[name].version, seen)
    state.pending = None
    write_state(unit, state)
    result.files += len(news)


def _forget_what_is_gone(unit: Path, there: Collection[str]) -> None:
    """Let what the storage has no more be uploaded again."""
    state = read_state(unit)
    gone = state.files.keys() - set(there)
    if gone:
        state.files = {name: synced for name, synced in state.files.items() if name not in gone}
        write_state(unit, state)


def _sort_out(unit: Path, state: CopyState, objects: Mapping[str, StoredObject]) -> tuple[list[str], list[str]]:
    """Return what is new there, and what is new there and was changed here too."""
    news: list[str] = []
    doubtful: list[str] = []
    for name, found in objects.items():
        known, here = state.files.get(name), file_state(unit / name)
        if here is None:
            news.append(name)
        elif _is_anothers(found, known):
            is_unchanged_here = known is not None and known.state == here
            (news if is_unchanged_here else doubtful).append(name)
    return news, doubtful


def _decide(store: ObjectStore, unit: Path, arrived: Path, doubtful: Sequence[str], *, is_root: bool) -> list[str]:
    """Return which of the files that were changed on both sides are taken; raise where nobody can decide."""
    differ = [name for name in doubtful if (arrived / name).read_bytes() != (unit / name).read_bytes()]
    if is_root:  # its files follow from its jobs, but the ledger, which only grows
        return [
            name
            for name in differ
            if not is_ledger(name) or (arrived / name).stat().st_size > (unit / name).stat().st_size
        ]
    if differ:
        raise CopyConflict(
            f"{store.address}: was changed there and in its local copy {unit} since they were equal ({_some(differ)}); "
            "look at both, then remove or rename one of them"
        )
    return []


def _rank(name: str) -> int:
    return next((rank for rank, group in enumerate(_LATER, start=1) if name in group), 0)


def _some(names: Sequence[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
