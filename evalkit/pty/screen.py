"""What a terminal shows: bytes of a program go in, text, colours, events and answers to its queries come out.

The only door to libghostty-vt, a terminal emulator without a window. Everything it gives back is bounded, whatever the
program writes: replies, events and lines that have scrolled away.
"""

from __future__ import annotations

import re
import weakref
from collections import deque
from collections.abc import Callable
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Literal, NamedTuple

from evalkit.errors import ConfigError

EventKind = Literal["title", "progress", "bell", "notification"]

SCROLLBACK_LINES = 20_000
REPLY_LIMIT_BYTES = 64 * 1024
_EVENT_LIMIT = 1_000
_BUFFER_BYTES = 32 * 1024
_TEXT_LIMIT = 500
_DIFF_LIMIT_LINES = 400
_CELL_WIDTH_PX, _CELL_HEIGHT_PX = 8, 16
_FOREGROUND, _BACKGROUND = (220, 220, 220), (12, 12, 12)
_DARK = 1
_TERMINAL_NAME = b"xterm-256color"
_PALETTE_ENTRY = re.compile(r"\x1b\]4;(\d+);rgb:([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{2})\x1b\\")
_STYLE = re.compile(r"\x1b\[([0-9;:]*)m")
_SWITCHES = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "inverse", 9: "strikethrough"}


class ScreenEvent(NamedTuple):
    """Something a program told its terminal beside what it drew.

    Attributes:
        kind: ``title``, ``progress``, ``bell`` or ``notification``.
        value: The new title; for progress ``STATE`` or ``STATE:PERCENT``, where STATE is 0 (none), 1 (so many
            percent), 2 (error), 3 (busy) or 4 (paused); ``TITLE|BODY`` of a notification; empty for a bell. At most 500
            characters.

    """

    kind: EventKind
    value: str


class TextRun(NamedTuple):
    """Characters of one row that look alike; colours are ``#rrggbb``, None where the terminal's own is used."""

    text: str
    foreground: str | None = None
    background: str | None = None
    bold: bool = False
    faint: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False
    strikethrough: bool = False


class Screen:
    """The state of a terminal of so many columns and rows (1 to 65,535 each) that has been fed a program's output.

    Raises ConfigError where the emulator is not installed, ValueError for a size that no terminal has.

    Attributes:
        replies_made: How many replies to queries the terminal made so far.
        replies_dropped: How many of them :meth:`feed` did not return, because there were too many at once.

    """

    def __init__(self, columns: int, rows: int) -> None:
        self._native = _load()
        _check_size(columns, rows)
        self._size = [columns, rows]
        self._heard = _Heard(self._size)
        self._terminal = self._native.Terminal(
            columns, rows, scrollback=SCROLLBACK_LINES, fg=_FOREGROUND, bg=_BACKGROUND
        )
        ffi, new_sized = self._native.ffi, self._native.new_sized
        self._row_start, self._row_end = new_sized("GhosttyGridRef"), new_sized("GhosttyGridRef")
        self._selection = new_sized("GhosttySelection")
        self._options = new_sized("GhosttyTerminalSelectionFormatOptions")
        self._buffer = ffi.new("uint8_t[]", _BUFFER_BYTES)
        self._point = ffi.new("GhosttyPointS *")
        self._point.tag = self._native.lib.GHOSTTY_POINT_TAG_ACTIVE
        self._grid_ref = self._native.union_fn(
            "ghostty_terminal_grid_ref", "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)"
        )
        self._native.listener.listen(self._terminal, self._heard)

    def feed(self, data: bytes) -> bytes:
        """Let the terminal obey `data`; return what it answers to queries in it, at most 64 KiB of whole replies."""
        self._terminal.feed(data)
        return self._heard.replies.take()

    def text(self) -> str:
        """Return what is visible: lines without blanks at their end, and no empty lines at the end."""
        return _right_trimmed(self._format(self._visible()))

    def scrollback_text(self) -> str:
        """Return all lines that are kept, those that scrolled away first; lines that were only wrapped are whole.

        A program on the alternate screen has no lines that scrolled away: then this is what is visible.
        """
        return _right_trimmed(self._terminal.contents())

    @property
    def title(self) -> str:
        """The title of the window, empty before a program sets one; at most 500 characters."""
        return _decode(self._native.ffi, self._terminal.get("title", "GhosttyString"))

    def mode(self, number: int) -> bool:
        """Return whether a DEC private mode is on, such as 2004 (bracketed paste); False for one nobody knows."""
        try:
            return bool(self._terminal.mode(number))
        except self._native.GhosttyError:
            return False

    @property
    def kitty_flags(self) -> int:
        """What the program asked of the kitty keyboard protocol, as its bits; 0 for nothing."""
        return int(self._terminal.get("kitty_keyboard_flags", "uint8_t"))

    @property
    def alternate(self) -> bool:
        """Whether the program draws on the alternate screen, which has no lines that scroll away."""
        return bool(self._terminal.get("active_screen", "GhosttyTerminalScreen"))

    @property
    def cursor(self) -> tuple[int, int]:
        """Row and column of the cursor, both from 0."""
        column, row = self._terminal.cursor
        return row, column

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size[0], self._size[1]

    @property
    def replies_made(self) -> int:
        """How many replies to queries the terminal made so far."""
        return self._heard.replies.made

    @property
    def replies_dropped(self) -> int:
        """How many replies were not returned, because one call of :meth:`feed` held too many queries."""
        return self._heard.replies.dropped

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; what the program drew is wrapped anew as terminals do. Raises ValueError."""
        _check_size(columns, rows)
        self._size[:] = columns, rows
        self._terminal.resize(columns, rows, _CELL_WIDTH_PX, _CELL_HEIGHT_PX)

    def take_events(self) -> list[ScreenEvent]:
        """Return what was told since the last call, oldest first; only the last 1,000 are kept."""
        taken = list(self._heard.events)
        self._heard.events.clear()
        return taken

    def mark(self) -> Mark:
        """Remember what is shown now, for :meth:`text_since`."""
        alternate = self.alternate
        tracked = None if alternate else _Tracked(self._native, self._terminal)
        lines = self.text().split("\n") if tracked is None else self._text_from(tracked).split("\n")
        return Mark(alternate, tuple(lines), tracked)

    def text_since(self, mark: Mark) -> str:
        """Return what was drawn since `mark`, as lines.

        On the ordinary screen those are the lines below the mark that are new or changed, those that scrolled away
        included, as far as they are kept. On the alternate screen they are the visible lines that are new or changed.
        Where the program went from one screen to the other, it is all that is visible now.
        """
        if self.alternate != mark.alternate:
            return self.text()
        now = self.text() if mark.tracked is None else self._text_from(mark.tracked)
        return "\n".join(_find_new_lines(list(mark.lines), now.split("\n")))

    def frame_lines(self) -> list[list[TextRun]]:
        """Return the visible rows as runs of characters that look alike, for a page that shows them."""
        return read_frame(self.frame_text())

    def frame_text(self) -> str:
        """Return the visible rows as the emulator writes them, with their styles, for :func:`read_frame`: quick."""
        return self._format(self._visible(), styled=True)

    def close(self) -> None:
        """Free what the emulator holds now, and not only when nobody knows the screen any more. Use it no more then."""
        self._terminal.close()

    def _visible(self) -> Any:
        columns, rows = self._size
        return self._select(self._row_start, (0, 0), (columns - 1, rows - 1))

    def _select(self, first: Any, start: tuple[int, int] | None, end: tuple[int, int]) -> Any:
        """Return a selection from `first`, or what `start` sets it to, to a visible cell; valid until the next feed."""
        native = self._native
        for reference, place in ((first, start), (self._row_end, end)):
            if place is not None:
                self._point.value.x, self._point.value.y = place
                native.check(self._grid_ref(self._terminal._t[0], self._point[0], reference), "grid_ref")  # noqa: SLF001 - the wrapper makes everything anew, which takes longer than the text itself
        self._selection.start, self._selection.end = first[0], self._row_end[0]
        return self._selection

    def _text_from(self, tracked: _Tracked) -> str:
        first = tracked.find()
        if first is None:
            return self.scrollback_text()
        columns, rows = self._size
        return _right_trimmed(self._format(self._select(first, None, (columns - 1, rows - 1)), unwrap=True))

    def _format(self, selection: Any, *, styled: bool = False, unwrap: bool = False) -> str:
        ffi, lib = self._native.ffi, self._native.lib
        options = self._options
        options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT if styled else lib.GHOSTTY_FORMATTER_FORMAT_PLAIN
        options.unwrap, options.trim, options.selection = unwrap, not styled, selection
        needed = ffi.new("size_t *")
        buffer = self._buffer
        while True:
            result = lib.ghostty_terminal_selection_format_buf(
                self._terminal._t[0],  # noqa: SLF001 - pyghostty's own wrapper formats twice, to learn the size first
                options[0],
                buffer,
                len(buffer),
                needed,
            )
            if result != lib.GHOSTTY_OUT_OF_SPACE:
                break
            buffer = ffi.new("uint8_t[]", int(needed[0]))
        if result:
            return ""
        return bytes(ffi.buffer(buffer, needed[0])).decode(errors="replace")


class Mark:
    """What was shown at some moment; made by :meth:`Screen.mark`, of use to the same screen only."""

    def __init__(self, alternate: bool, lines: tuple[str, ...], tracked: _Tracked | None) -> None:
        self.alternate = alternate
        self.lines = lines
        self.tracked = tracked


class _Tracked:
    """The first visible row at some moment, found again wherever it has scrolled to."""

    def __init__(self, native: Any, terminal: Any) -> None:
        self._native = native
        self._terminal = terminal  # must outlive what is tracked in it
        ffi = native.ffi
        self._handle = ffi.new("GhosttyTrackedGridRef *")
        point = ffi.new("GhosttyPointS *")
        point.tag = native.lib.GHOSTTY_POINT_TAG_ACTIVE
        track = native.union_fn(
            "ghostty_terminal_grid_ref_track",
            "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyTrackedGridRef*)",
        )
        native.check(track(terminal._t[0], point[0], self._handle), "grid_ref_track")  # noqa: SLF001 - the raw handle
        weakref.finalize(self, _free_tracked, native.lib, terminal, self._handle[0])

    def find(self) -> Any | None:
        """Return where the row is now, None when it is gone."""
        if self._terminal._t is None:  # noqa: SLF001 - closed
            return None
        found = self._native.new_sized("GhosttyGridRef")
        return None if self._native.lib.ghostty_tracked_grid_ref_snapshot(self._handle[0], found) else found


def _free_tracked(lib: Any, terminal: Any, handle: Any) -> None:
    if terminal._t is not None:  # noqa: SLF001 - a terminal that is closed has freed it
        lib.ghostty_tracked_grid_ref_free(handle)


class _Replies:
    """The replies of one feed, as far as they fit."""

    def __init__(self) -> None:
        self.made = 0
        self.dropped = 0
        self._waiting: list[bytes] = []
        self._size = 0

    def add(self, reply: bytes) -> None:
        self.made += 1
        if self._size + len(reply) > REPLY_LIMIT_BYTES:
            self.dropped += 1
            return
        self._waiting.append(reply)
        self._size += len(reply)

    def take(self) -> bytes:
        if not self._waiting:
            return b""
        taken = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return taken


class _Heard:
    """What the emulator told of one terminal, and what it is told when it asks."""

    def __init__(self, size: list[int]) -> None:
        self.size = size
        self.events: deque[ScreenEvent] = deque(maxlen=_EVENT_LIMIT)
        self.replies = _Replies()


class _Listener:
    """Has the emulator tell everything of every terminal, through functions that are made once.

    Making a function that C can call takes a millisecond of CPU, and a terminal has seven. Each finds what is heard of
    a terminal by the terminal's address.
    """

    def __init__(self, ffi: Any, lib: Any, check: Any) -> None:
        self._ffi, self._lib, self._check = ffi, lib, check
        self._heard: weakref.WeakValueDictionary[Any, _Heard] = weakref.WeakValueDictionary()
        self._name = ffi.new("uint8_t[]", _TERMINAL_NAME)
        self._terminfo = ffi.new("GhosttyString *", {"ptr": self._name, "len": len(_TERMINAL_NAME)})
        told = {
            "TITLE_CHANGED": ("TitleChanged", self._tell_title),
            "PROGRESS_REPORT": ("ProgressReport", self._tell_progress),
            "DESKTOP_NOTIFICATION": ("DesktopNotification", self._tell_notification),
            "BELL": ("Bell", self._tell_bell),
            "SIZE": ("Size", self._say_size),
            "COLOR_SCHEME": ("ColorScheme", self._say_scheme),
            "WRITE_PTY": ("WritePty", self._take_reply),
        }
        self._callbacks = {
            getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}"): ffi.callback(f"GhosttyTerminal{kind}Fn", tell)
            for option, (kind, tell) in told.items()
        }

    def listen(self, terminal: Any, heard: _Heard) -> None:
        """Fill `heard` from now on; it must be kept as long as the terminal."""
        raw = terminal._t[0]  # noqa: SLF001 - the raw handle
        self._heard[raw] = heard
        for number, callback in self._callbacks.items():
            self._check(self._lib.ghostty_terminal_set(raw, number, callback), f"option {number}")
        self._lib.ghostty_terminal_set(raw, self._lib.GHOSTTY_TERMINAL_OPT_TERMINFO_NAME, self._terminfo)

    def _tell_title(self, raw: Any, _: Any) -> None:
        found = self._ffi.new("GhosttyString *")
        self._lib.ghostty_terminal_get(raw, self._lib.GHOSTTY_TERMINAL_DATA_TITLE, found)
        self._heard[raw].events.append(ScreenEvent("title", _decode(self._ffi, found)))

    def _tell_progress(self, raw: Any, _: Any, report: Any) -> None:
        value = f"{int(report.state)}" + (f":{report.progress}" if report.progress >= 0 else "")
        self._heard[raw].events.append(ScreenEvent("progress", value))

    def _tell_notification(self, raw: Any, _: Any, note: Any) -> None:
        value = f"{_decode(self._ffi, note.title)}|{_decode(self._ffi, note.body)}"[:_TEXT_LIMIT]
        self._heard[raw].events.append(ScreenEvent("notification", value))

    def _tell_bell(self, raw: Any, _: Any) -> None:
        self._heard[raw].events.append(ScreenEvent("bell", ""))

    def _say_size(self, raw: Any, _: Any, out: Any) -> bool:
        out.columns, out.rows = self._heard[raw].size
        out.cell_width, out.cell_height = _CELL_WIDTH_PX, _CELL_HEIGHT_PX
        return True

    def _say_scheme(self, _raw: Any, _: Any, out: Any) -> bool:
        out[0] = _DARK
        return True

    def _take_reply(self, raw: Any, _: Any, data: Any, size: int) -> None:
        self._heard[raw].replies.add(bytes(self._ffi.buffer(data, size)))


class _Native(NamedTuple):
    """What is used of pyghostty."""

    Terminal: Any
    GhosttyError: Any
    ffi: Any
    lib: Any
    check: Any
    union_fn: Any
    new_sized: Callable[[str], Any]
    listener: _Listener


def load_emulator() -> None:
    """Have the emulator ready, with all that is ever asked of it. Raises ConfigError where it is not installed.

    The first call takes a second of CPU, as C types are read where they are first used: make it before there is a
    session to keep waiting.
    """
    screen = Screen(2, 1)
    mark = screen.mark()
    screen.feed(b"\x1b]2;x\x07\x1b]9;x\x07\x1b]9;4;1;1\x07\x07\x1b[6n\x1b[14t\x1b[?996n")
    screen.text_since(mark), screen.frame_text(), screen.title, screen.kitty_flags, screen.mode(1), screen.cursor
    screen.resize(3, 1)
    screen.close()


def _load() -> _Native:
    try:
        import pyghostty  # noqa: F401 - whether it is there
    except ImportError as error:
        raise ConfigError(
            "a terminal needs packages that are not installed: pyghostty; install them with: pip install '.[terminal]'"
        ) from error
    return _bind()


@cache
def _bind() -> _Native:
    import pyghostty
    from pyghostty._ffi import check, union_fn
    from pyghostty.core import init_sized

    ffi, lib = pyghostty.ffi, pyghostty.lib
    first_of_kind = cache(init_sized)
    return _Native(
        pyghostty.Terminal,
        pyghostty.GhosttyError,
        ffi,
        lib,
        check,
        union_fn,
        lambda kind: ffi.new(f"{kind} *", first_of_kind(kind)[0]),
        _Listener(ffi, lib, check),
    )


def _decode(ffi: Any, found: Any) -> str:
    if not found.len:
        return ""
    return bytes(ffi.buffer(found.ptr, min(found.len, 4 * _TEXT_LIMIT))).decode(errors="replace")[:_TEXT_LIMIT]


def _check_size(columns: int, rows: int) -> None:
    if not (1 <= columns <= 0xFFFF and 1 <= rows <= 0xFFFF):
        raise ValueError(f"a terminal of {columns}x{rows}: columns and rows are 1 to 65535")


def _right_trimmed(text: str) -> str:
    """Return `text` without empty lines at its end; of each line the emulator has cut the blanks at its end."""
    return text.rstrip()


def _find_new_lines(old: list[str], new: list[str]) -> list[str]:
    """Return the lines of `new` that are not in `old`, in order; of very many, all between the first and the last."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    if not old or len(new) > _DIFF_LIMIT_LINES:
        return new
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    kept = [new[first:last] for kind, _, _, first, last in matcher.get_opcodes() if kind in {"insert", "replace"}]
    return [line for lines in kept for line in lines]


def read_frame(written: str) -> list[list[TextRun]]:
    """Return the rows in what :meth:`Screen.frame_text` gave, as runs of characters that look alike."""
    palette = {int(index): f"#{red}{green}{blue}" for index, red, green, blue in _PALETTE_ENTRY.findall(written)}
    return _read_rows(_PALETTE_ENTRY.sub("", written), palette)


def _read_rows(written: str, palette: dict[int, str]) -> list[list[TextRun]]:
    rows: list[list[TextRun]] = []
    look: dict[str, Any] = {}
    for line in written.split("\n"):
        row: list[TextRun] = []
        at = 0
        for found in _STYLE.finditer(line):
            if text := line[at : found.start()].replace("\r", ""):
                row.append(TextRun(text, **look))
            look = _apply_style(found[1], look, palette)
            at = found.end()
        if text := line[at:].replace("\r", ""):
            row.append(TextRun(text, **look))
        rows.append(row)
    return rows


def _apply_style(codes: str, look: dict[str, Any], palette: dict[int, str]) -> dict[str, Any]:
    """Return `look` changed by one style sequence; the emulator writes colours as 38;5;N and 38;2;R;G;B only."""
    if codes in {"", "0"}:
        return {}
    first, *rest = codes.split(";")
    if first in {"38", "48"} and rest:
        which = "foreground" if first == "38" else "background"
        if rest[0] == "5":
            return look | {which: palette.get(int(rest[1]))}
        red, green, blue = map(int, rest[1:4])
        return look | {which: f"#{red:02x}{green:02x}{blue:02x}"}
    switch = _SWITCHES.get(int(first.split(":")[0] or 0))
    return look | {switch: True} if switch else look
