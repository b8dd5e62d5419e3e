"""A recording becomes frames: what was seen, when, and who did what; bounded, and whole again where it is played."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stored_sessions import make_cast

from evalkit.modes.terminal.film import MOST_WAIT_S, Film, cut_film, shots_of_screens, take_shots
from evalkit.pty.recording import parse_recording

pytest.importorskip("pyghostty", reason="a terminal needs the terminal extra")


def film_of(
    *events: tuple[float, str, str], most_frames: int = 300, most_bytes: int = 10**6, columns: int = 20, rows: int = 4
) -> Film:
    shots = take_shots(parse_recording(make_cast(events, columns, rows), "a test"), most_frames)
    film = cut_film(shots, most_frames, most_bytes)
    assert film is not None
    return film


def unroll(film: Film) -> list[list[str]]:
    """Return every frame as the texts of its rows, as the page's player puts them together."""
    found: list[list[str]] = []
    rows: list[int] = []
    for _, _, changes, *size in film.document["frames"]:
        if size:
            rows = [-1] * size[0][1]
        rows = list(rows)
        for place, shown in zip(changes[::2], changes[1::2], strict=True):
            rows[place] = shown
        found.append(["".join(text for text, _ in film.document["rows"][number]) for number in rows])
    return found


def look_of(film: Film, text: str) -> Any:
    """Return how the first run with `text` looks."""
    return next(film.document["looks"][look] for row in film.document["rows"] for run, look in row if run == text)


def test_frames_are_what_was_seen_and_when() -> None:
    """Each with its time, and with the time at which it is played: nobody waits long for a screen that stands still."""
    film = film_of((1.0, "o", "one"), (1.5, "o", "\r\ntwo"), (61.5, "o", "\x1b[2J\x1b[Hthree"))
    assert unroll(film) == [["one", "", "", ""], ["one", "two", "", ""], ["three", "", "", ""]]
    assert [frame[:2] for frame in film.document["frames"]] == [
        [1000, 0], [1500, 500], [61500, 500 + int(MOST_WAIT_S * 1000)],
    ]  # fmt: skip
    assert film.left_out == 0


def test_runs_have_their_looks() -> None:
    """Colours, and the ways in which text is set off; rows and looks stand once."""
    film = film_of((0.1, "o", "\x1b[38;2;1;2;3;48;2;4;5;6;1;3;4mloud\x1b[0m \x1b[7mturned\x1b[0m"))
    assert look_of(film, "loud") == {"fg": "#010203", "bg": "#040506", "is": ["bold", "italic", "underline"]}
    assert look_of(film, "turned") == {"is": ["inverse"]}
    assert len(film.document["rows"]) == 2


def test_marks_say_who_did_what_at_which_frame() -> None:
    """Those of others, as of a flood, are no turns; a mark while nothing changes stands at what is shown then."""
    film = film_of(
        (0.1, "o", "> "),
        (0.2, "m", "agent: ready (title)"),
        (0.3, "m", "user: say hello"),
        (0.4, "o", "hello"),
        (0.5, "m", "flood: more than 7 bytes"),
        (0.6, "m", "agent: ready (quiet)"),
    )
    assert film.document["marks"] == [
        [0, "agent", "ready (title)"], [0, "user", "say hello"], [1, "agent", "ready (quiet)"],
    ]  # fmt: skip


def test_half_a_drawing_is_not_seen() -> None:
    """A program that says when it begins and ends to draw is looked at when it has drawn."""
    film = film_of(
        (0.1, "o", "old"),
        (0.5, "o", "\x1b[?2026h\x1b[2J\x1b[H"),
        (0.9, "o", "new"),
        (1.3, "o", "er\x1b[?2026l"),
        (1.9, "o", "\r\nlast"),
    )
    assert [frame[0] for frame in unroll(film)] == ["old", "newer", "newer"]


def test_another_size_is_a_frame_of_its_own() -> None:
    """With all its rows."""
    film = film_of((0.1, "o", "one"), (0.5, "r", "10x2"), (0.9, "o", "\r\ntwo"))
    assert [frame[3:] for frame in film.document["frames"]] == [[[20, 4]], [[10, 2]], []]
    assert unroll(film)[-1] == ["one", "two"]


def test_a_long_film_keeps_its_marks_and_what_was_seen_longest() -> None:
    """And says how much is left out."""
    events = [(0.1 * n, "o", f"\x1b[H{n:04d}") for n in range(500)]
    events[100] = (10.0, "m", "user: say go")
    events[201:216] = []
    film = film_of(*events, most_frames=20)
    shown = [frame[0] for frame in unroll(film)]
    assert len(shown) == film.frames == 20
    assert film.left_out > 10
    assert film.document["marks"][0][1:] == ["user", "say go"]
    assert "0099" in shown
    assert "0499" in shown
    assert "0200" in shown


def test_a_film_fits_into_its_bytes_or_is_none() -> None:
    """Fewer frames where they do not fit; none where not even one does."""
    events = [(0.1 * n, "o", f"\x1b[H\x1b[38;2;{n};0;0m{n:04d} and some words") for n in range(200)]
    film = film_of(*events, most_bytes=3_000)
    assert film.size_bytes == len(json.dumps(film.document).encode()) <= 3_000
    assert 1 < film.frames < 60
    shots = take_shots(parse_recording(make_cast(events), "a test"), 10)
    assert cut_film(shots, 10, 50) is None


def test_what_nobody_would_see_is_shown() -> None:
    """Marks that turn the direction, which an emulator keeps; sequences of the terminal are obeyed, not shown."""
    film = film_of((0.1, "o", "a\u202eb\x1b[31mc\x1b[0m"))
    assert unroll(film)[0][0] == "a⟨U+202E⟩bc"


def test_screens_of_a_record_are_a_film_without_colours() -> None:
    """One frame for each stop."""
    film = cut_film(
        shots_of_screens([(1.0, "a\n\nb", "agent: ready (acp)"), (2.5, "c", "agent: exited (exit)")], 9, 3), 9, 9_999
    )
    assert film is not None
    assert unroll(film) == [["a", "", "b"], ["c", "", ""]]
    assert [mark[0] for mark in film.document["marks"]] == [0, 1]


def test_an_empty_recording_is_one_empty_screen() -> None:
    """Of an agent that never drew."""
    assert unroll(film_of()) == [["", "", "", ""]]
