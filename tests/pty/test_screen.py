"""What a terminal shows, tells and answers."""

from __future__ import annotations

import gc
import itertools
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalkit.errors import ConfigError
from evalkit.pty.screen import REPLY_LIMIT_BYTES, Screen, ScreenEvent, TextRun

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [
                b"\x1b[2J\x1b[H",
                b"\x1b[?1049h",
                b"\x1b[?1049l",
                b"\x1b[31mred\x1b[0m",
                "日本語 e\u0301 👩‍💻".encode(),
                b"\x1b]0;title\x07",
                b"\x1b]9;4;3\x07",
                b"\x1b[6n",
                b"\x1bPunended",
                b"\x1b]52;c;AAAA",
                b"\r\nrow",
                b"\x1bc",
            ]
        ),
    ),
    max_size=20,
).map(b"".join)


def show(data: bytes, columns: int = 20, rows: int = 5) -> Screen:
    screen = Screen(columns, rows)
    screen.feed(data)
    return screen


def test_text_is_what_is_visible() -> None:
    """Lines without blanks at their end, the last rows only; what scrolled away is kept elsewhere."""
    screen = show(b"".join(b"row %d  \r\n" % number for number in range(8)), rows=4)
    assert screen.text() == "row 5\nrow 6\nrow 7"
    assert screen.scrollback_text() == "\n".join(f"row {number}" for number in range(8))
    assert show(b"").text() == show(b"").scrollback_text() == ""


def test_a_wrapped_line_is_whole_where_all_is_shown() -> None:
    """As visible it takes two rows; in the scrollback it is the line that the program wrote."""
    screen = show(b"abcdefghij" * 3)
    assert screen.text() == "abcdefghijabcdefghij\nabcdefghij"
    assert screen.scrollback_text() == "abcdefghij" * 3


@settings(max_examples=150)
@given(PIECES, st.lists(st.integers(0, 300), max_size=6))
@example(b"\xe6\x97\xa5\x1b[6n\x1b]0;\xc3\xa9\x07", [1, 2, 4, 9])
def test_how_bytes_are_cut_changes_nothing(data: bytes, cuts: list[int]) -> None:
    """Fed piece by piece, a screen shows, tells and answers what it does when fed at once."""
    whole = Screen(20, 5)
    replies = whole.feed(data)
    pieces = Screen(20, 5)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    answered = b"".join(pieces.feed(data[start:end]) for start, end in itertools.pairwise(places))
    assert pieces.text() == whole.text()
    assert pieces.scrollback_text() == whole.scrollback_text()
    assert pieces.cursor == whole.cursor
    assert pieces.take_events() == whole.take_events()
    assert answered == replies
    assert pieces.frame_lines() == whole.frame_lines()


@settings(max_examples=150)
@given(PIECES)
def test_runs_hold_the_text(data: bytes) -> None:
    """What a page shows of a frame is what the screen says is visible."""
    screen = show(data)
    lines = ["".join(run.text for run in row).rstrip() for row in screen.frame_lines()]
    assert "\n".join(lines).rstrip("\n") == screen.text()


def test_runs_have_colours_and_weight() -> None:
    """From the palette and of their own; what is plain has none."""
    rows = show(b"a\x1b[1;31mb\x1b[0;38;2;1;2;3;48;5;200mc\x1b[0m\r\n\x1b[2;3;4;7;9md").frame_lines()
    assert rows[0] == [
        TextRun("a"),
        TextRun("b", foreground="#cc6666", bold=True),
        TextRun("c", foreground="#010203", background="#ff00d7"),
    ]
    assert rows[1] == [TextRun("d", faint=True, italic=True, underline=True, inverse=True, strikethrough=True)]


@pytest.mark.parametrize(
    ("query", "reply"),
    [
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"ab\x1b[6n", b"\x1b[1;3R"),
        (b"\x1b[5n", b"\x1b[0n"),
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?u", b"\x1b[?0u"),
        (b"\x1b[14t", b"\x1b[4;80;160t"),
        (b"\x1b[16t", b"\x1b[6;16;8t"),
        (b"\x1b[18t", b"\x1b[8;5;20t"),
        (b"\x1bP+q544e\x1b\\", b"\x1bP1+r544E=787465726D2D323536636F6C6F72\x1b\\"),
        (b"\x1b]11;?\x07", b"\x1b]11;rgb:0c0c/0c0c/0c0c\x07"),
        (b"\x1b[?996n", b"\x1b[?997;1n"),
    ],
)
def test_queries_are_answered(query: bytes, reply: bytes) -> None:
    """What agents were seen to ask gets the answer of an ordinary dark terminal."""
    assert Screen(20, 5).feed(query) == reply


def test_the_size_that_is_told_is_the_present_one() -> None:
    """After a resize too."""
    screen = Screen(20, 5)
    screen.resize(30, 7)
    assert screen.feed(b"\x1b[18t") == b"\x1b[8;7;30t"
    assert screen.size == (30, 7)


def test_no_file_of_this_machine_is_read_for_a_program() -> None:
    """A picture is taken from the program's own bytes only, and the clipboard is not told."""
    screen = Screen(20, 5)
    assert b"OK" not in screen.feed(b"\x1b_Gi=32,s=1,v=1,a=q,t=f,f=24;L2V0Yy9wYXNzd2Q=\x1b\\")
    assert screen.feed(b"\x1b]52;c;?\x07") == b""


def test_replies_are_bounded() -> None:
    """A flood of queries gets no flood of answers; how many there were is counted."""
    screen = Screen(20, 5)
    replies = screen.feed(b"\x1b[6n" * 100_000)
    assert 0 < len(replies) <= REPLY_LIMIT_BYTES
    assert replies == b"\x1b[1;1R" * (screen.replies_made - screen.replies_dropped)
    assert screen.replies_made == 100_000
    assert screen.feed(b"\x1b[6n") == b"\x1b[1;1R"


def test_events_are_told_once_and_in_order() -> None:
    """Each title that was set in one go, progress, bell and notification; read once."""
    screen = show(
        b"\x1b]0;one\x07\x1b]9;4;3\x07\x1b]9;4;1;50\x07\x07\x1b]777;notify;T;B\x07\x1b]2;two\x07\x1b]9;4;0\x07"
    )
    assert screen.take_events() == [
        ScreenEvent("title", "one"),
        ScreenEvent("progress", "3"),
        ScreenEvent("progress", "1:50"),
        ScreenEvent("bell", ""),
        ScreenEvent("notification", "T|B"),
        ScreenEvent("title", "two"),
        ScreenEvent("progress", "0"),
    ]
    assert screen.take_events() == []
    assert screen.title == "two"


def test_events_are_bounded() -> None:
    """The last ones are kept."""
    screen = show(b"\x07" * 50_000 + b"\x1b]0;last\x07")
    events = screen.take_events()
    assert len(events) == 1_000
    assert events[-1] == ScreenEvent("title", "last")


def test_modes_flags_and_cursor() -> None:
    """As the program set them; a mode that nobody knows is off."""
    screen = show(b"\x1b[?2004h\x1b[>5u\r\nab")
    assert (screen.mode(2004), screen.mode(1049), screen.mode(31_000)) == (True, False, False)
    assert screen.kitty_flags == 5
    assert screen.cursor == (1, 2)
    assert not screen.alternate
    screen.feed(b"\x1b[?1049h\x1b[?2004l")
    assert (screen.mode(2004), screen.alternate) == (False, True)


def test_what_was_drawn_since_a_mark() -> None:
    """The new lines, those that scrolled away included, and not what stood there before."""
    screen = show(b"old\r\n> ")
    mark = screen.mark()
    assert screen.text_since(mark) == ""
    screen.feed(b"ask\r\n" + b"".join(b"answer %d\r\n" % number for number in range(50)) + b"> ")
    assert screen.text_since(mark) == "\n".join(["> ask", *(f"answer {number}" for number in range(50))])


def test_a_mark_survives_a_resize_and_a_long_answer() -> None:
    """The lines below it are found, also where the row it stood at is gone."""
    screen = show(b"old\r\n")
    mark = screen.mark()
    screen.feed(b"new " * 10)
    screen.resize(10, 4)
    assert screen.text_since(mark) == ("new " * 10).rstrip()
    screen.feed(b"".join(b"%d\r\n" % number for number in range(100_000)))
    lines = screen.text_since(mark).split("\n")
    assert lines[-1] == "99999"
    assert 5_000 < len(lines) < 100_000


def test_lines_above_a_box_that_stays_are_found() -> None:
    """An inline program draws its input line anew below each answer: that line is no answer."""
    screen = show(b"[ input ]\r\n? help", rows=10)
    mark = screen.mark()
    screen.feed(b"\x1b[1A\r\x1b[Janswer\r\n[ input ]\r\n? help")
    assert screen.text_since(mark) == "answer"


def test_on_the_alternate_screen_the_changed_lines_count() -> None:
    """Where nothing scrolls away, what is visible is compared."""
    screen = show(b"\x1b[?1049h\x1b[Hhead\r\nbody\r\nfoot")
    mark = screen.mark()
    screen.feed(b"\x1b[2;1H\x1b[Kanswer")
    assert screen.text_since(mark) == "answer"
    screen.feed(b"\x1b[?1049lbye")
    assert screen.text_since(mark) == "bye"


def test_marks_may_outlive_their_screen() -> None:
    """In whatever order they go, nothing that was freed is used."""
    for _ in range(5):
        screen = show(b"x")
        marks = [screen.mark(), screen.mark()]
        screen.feed(b"y")
        marks.pop()
        screen.close()
        del screen
        gc.collect()
        marks.clear()
    kept = [show(b"z").mark() for _ in range(50)]
    gc.collect()
    assert len(kept) == 50


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (70_000, 5)])
def test_sizes_that_no_terminal_has(size: tuple[int, int]) -> None:
    """Are refused, when one is made and later."""
    with pytest.raises(ValueError, match="columns and rows are 1 to 65535"):
        Screen(*size)
    with pytest.raises(ValueError, match="columns and rows are 1 to 65535"):
        Screen(5, 5).resize(*size)
    assert show(b"x", 1, 1).text() == "x"


def test_without_the_emulator_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and not as an ImportError."""
    monkeypatch.setitem(sys.modules, "pyghostty", None)
    with pytest.raises(ConfigError, match=r"pyghostty; install them with: pip install '\.\[terminal\]'"):
        Screen(5, 5)
