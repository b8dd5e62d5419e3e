"""A recording of a terminal as frames that a page can show without a terminal: what was on the screen, and when.

A frame is stored as the rows in which it differs from the one before. Rows and looks stand once, however often they
are shown. A film is bounded: only moments at which the screen changed are kept, of those the ones that were seen
longest, and every moment at which it became somebody's turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evalkit.modes.terminal.session_files import AGENT_MARK, USER_MARK
from evalkit.pty.recording import MARKER, OUTPUT, RESIZE, CastEvent, StoredRecording
from evalkit.pty.screen import Screen, TextRun, read_frame
from evalkit.reports.page.hidden_signs import show_hidden

MOST_WAIT_S = 2.0
"""A screen that stood still for longer is shown for so long."""
_LOOKS_PER_FRAME = 2
_MOST_STYLES = 150_000
_LEAST_GAP_S = 1 / 30
_SYNCHRONIZED = 2026
_MARKED = (USER_MARK, AGENT_MARK)
_SWITCHES = ("bold", "faint", "italic", "underline", "inverse", "strikethrough")


class Shot(NamedTuple):
    """The screen at one moment.

    Attributes:
        at_s: Seconds since the recording began.
        size: Columns and rows.
        screen: What :func:`evalkit.pty.screen.read_frame` reads, or the rows; empty ones at the end may be missing.
        marks: Who did what at this moment, as the recording says it.

    """

    at_s: float
    size: tuple[int, int]
    screen: str | tuple[tuple[TextRun, ...], ...]
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Film:
    """What a page plays.

    Attributes:
        document: Plain JSON: `looks`, `rows` (runs of text and the number of their look), `frames` (milliseconds,
            milliseconds as played, pairs of a row's place and what it shows, and the size where it is another), `marks`
            (number of the frame, who, what).
        frames: How many there are.
        left_out: How many moments at which the screen changed are not among them.
        size_bytes: Of the document.

    """

    document: Mapping[str, Any]
    frames: int
    left_out: int
    size_bytes: int


def take_shots(recording: StoredRecording, most_frames: int) -> list[Shot]:
    """Return the screen whenever it changed or something is marked, at about 2 x `most_frames` moments at most.

    Raises ConfigError where no emulator of a terminal is installed.
    """
    screen = Screen(recording.columns, recording.rows)
    try:
        return list(_changes(_look(screen, recording, most_frames * _LOOKS_PER_FRAME)))
    finally:
        screen.close()


def _look(screen: Screen, recording: StoredRecording, most_looks: int) -> Iterator[Shot]:
    """Yield the screen, not while a program is in the middle of drawing it, unless something is marked then."""
    events = recording.events
    gap_s = max(_LEAST_GAP_S, (events[-1].at_s if events else 0.0) / max(1, most_looks))
    seen = Shot(0.0, screen.size, screen.frame_text())
    changed_s = last_s = 0.0
    is_seen = True
    for event in events:
        marked = event.kind == MARKER
        is_whole = event.at_s - changed_s > gap_s and not screen.mode(_SYNCHRONIZED)
        if not is_seen and (marked or is_whole):
            seen, is_seen = Shot(last_s, screen.size, screen.frame_text()), True
            yield seen
        if marked:
            yield seen._replace(at_s=event.at_s, marks=(event.data,))
        elif event.kind in {OUTPUT, RESIZE}:
            _play(screen, event)
            changed_s, is_seen = event.at_s if is_seen else changed_s, False
            last_s = event.at_s
    yield Shot(last_s, screen.size, screen.frame_text())


def _play(screen: Screen, event: CastEvent) -> None:
    if event.kind == OUTPUT:
        screen.feed(event.data.encode(errors="replace"))
        screen.take_events()
        return
    columns, _, rows = event.data.partition("x")
    screen.resize(int(columns), int(rows))


def _changes(shots: Iterator[Shot]) -> Iterator[Shot]:
    """Yield those that differ from the one before; what is marked stands at the one it was marked at."""
    held: Shot | None = None
    for shot in shots:
        if held is not None and (shot.size, shot.screen) == (held.size, held.screen):
            held = held._replace(marks=held.marks + shot.marks)
            continue
        if held is not None:
            yield held
        held = shot
    if held is not None:
        yield held


def cut_film(shots: Sequence[Shot], most_frames: int, most_bytes: int) -> Film | None:
    """Return the film of `shots`: at most so many frames, and as JSON at most so many bytes; None: it cannot be."""
    count = most_frames
    while count > 0:
        kept = _longest_seen(shots, count)
        if len(kept) > 1 and sum(map(_count_styles, kept)) > _MOST_STYLES:
            count = min(count, len(kept)) // 2
            continue
        document = _document(kept)
        size_bytes = len(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
        if size_bytes <= most_bytes:
            return Film(document, len(kept), len(shots) - len(kept), size_bytes)
        count = min(count, len(kept)) // 2
    return None


def _count_styles(shot: Shot) -> int:
    """Return how much work it is to read a screen."""
    return shot.screen.count("\x1b[") if isinstance(shot.screen, str) else 0


def _longest_seen(shots: Sequence[Shot], most: int) -> list[Shot]:
    """Return at most so many of `shots`, in order: those with marks before others, then those that stood longest."""
    ends_s = [shot.at_s for shot in shots[1:]] + [shots[-1].at_s + MOST_WAIT_S] if shots else []

    def rank(place: int) -> tuple[bool, bool, float]:
        shot = shots[place]
        return bool(shot.marks), place == len(shots) - 1, ends_s[place] - shot.at_s

    kept = sorted(sorted(range(len(shots)), key=rank, reverse=True)[:most])
    return [shots[place] for place in kept]


def _document(shots: Sequence[Shot]) -> dict[str, Any]:
    looks: dict[tuple[Any, ...], int] = {}
    rows: dict[tuple[tuple[str, int], ...], int] = {}
    frames: list[list[Any]] = []
    marks: list[list[Any]] = []
    shown: list[int] = []
    size, played_s = (0, 0), 0.0
    for number, shot in enumerate(shots):
        if number:
            played_s += min(shot.at_s - shots[number - 1].at_s, MOST_WAIT_S)
        now = [rows.setdefault(_row(row, looks), len(rows)) for row in _filled(shot)]
        frame: list[Any] = [round(shot.at_s * 1000), round(played_s * 1000)]
        if shot.size != size:
            size, shown = shot.size, []
        changes = [part for at, row in enumerate(now) if at >= len(shown) or shown[at] != row for part in (at, row)]
        frames.append([*frame, changes] if shown else [*frame, changes, list(size)])
        shown = now
        marks += [[number, *told] for mark in shot.marks if (told := _told(mark))]
    return {
        "looks": [_look_to_json(look) for look in looks],
        "rows": [[list(run) for run in row] for row in rows],
        "frames": frames,
        "marks": marks,
    }


def _told(mark: str) -> tuple[str, str] | None:
    """Return who a marker of the recording is about, and what he did; None for another one."""
    who = next((who for who in _MARKED if mark.startswith(who)), None)
    return (who.strip(": "), show_hidden(mark.removeprefix(who))) if who else None


def _filled(shot: Shot) -> list[tuple[TextRun, ...]]:
    read = map(tuple, read_frame(shot.screen)) if isinstance(shot.screen, str) else shot.screen
    rows = list(read)[: shot.size[1]]
    return rows + [()] * (shot.size[1] - len(rows))


def _row(row: Sequence[TextRun], looks: dict[tuple[Any, ...], int]) -> tuple[tuple[str, int], ...]:
    return tuple((show_hidden(run.text), looks.setdefault(tuple(run[1:]), len(looks))) for run in row)


def _look_to_json(look: tuple[Any, ...]) -> dict[str, Any]:
    foreground, background, *switches = look
    colours = {"fg": foreground, "bg": background}
    return {name: value for name, value in colours.items() if value} | {
        "is": [name for name, on in zip(_SWITCHES, switches, strict=True) if on]
    }


def shots_of_screens(screens: Sequence[tuple[float, str, str]], columns: int, rows: int) -> list[Shot]:
    """Return shots without colours of (seconds, screen as text, mark): what a record keeps of each stop."""
    return [
        Shot(
            at_s, (columns, rows), tuple((TextRun(line),) if line else () for line in text.split("\n")[:rows]), (mark,)
        )
        for at_s, text, mark in screens
    ]
