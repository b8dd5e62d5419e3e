"""When it is the user's turn, by facts and a clock that are made up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.pty.quiescence import QuietRules, SignalSeen, TurnWatch

READER = (7, 3)


class Story:
    """Tells a watch what happens, second by second."""

    def __init__(self, **rules: Any) -> None:
        self.watch = TurnWatch(QuietRules(**rules), started_s=0.0)

    def draw(self, at_s: float, text: str) -> None:
        self.watch.output(at_s, len(text))
        self.watch.screen(at_s, text)

    def stop(self, at_s: float) -> tuple[str, str] | None:
        found = self.watch.decide(at_s)
        return (found.kind, found.signal) if found else None


def asked(**rules: Any) -> Story:
    """Return a story in which the first prompt was drawn at 1 s and answered by the user at 10 s."""
    story = Story(**rules)
    story.draw(1.0, "> ")
    story.watch.sent(10.0)
    return story


def test_quiet_text_is_a_prompt() -> None:
    """After so long without a byte, and not before; a stop stays one until something is sent."""
    story = Story()
    assert story.stop(0.5) is None
    story.draw(1.0, "> ")
    assert story.stop(2.49) is None
    assert story.stop(2.5) == ("ready", "quiet")
    found = story.watch.decide(100.0)
    assert found is not None
    assert (found.at_s, dict(found.signals)) == (2.5, {"quiet": 2.5})


def test_silence_before_anything_was_drawn_is_no_prompt() -> None:
    """A program that is still starting: what is typed then would be lost."""
    story = Story(silent_timeout_s=20.0)
    assert story.stop(19.9) is None
    assert story.stop(20.0) == ("silent_timeout", "timeout")


def test_the_time_starts_anew_when_something_is_sent() -> None:
    """The silence before says nothing about the answer; and an answer must have come."""
    story = asked()
    assert story.stop(10.1) is None
    assert story.stop(15.0) is None
    story.draw(15.0, "> hi")
    assert story.stop(16.4) is None
    assert story.stop(16.5) == ("ready", "quiet")


def test_output_from_before_the_send_does_not_count() -> None:
    """Though it is told later."""
    story = asked()
    story.draw(9.9, "late")
    assert story.stop(13.0) is None


def test_a_busy_sign_on_the_screen_is_believed() -> None:
    """Silence is work, as long as it is there; where it may stand can be narrowed."""
    story = asked(busy=(r"esc to (cancel|interrupt)",))
    story.draw(11.0, "working\nesc to cancel")
    assert story.stop(30.0) is None
    story.draw(31.0, "done\n> ")
    assert story.stop(32.5) == ("ready", "quiet")
    narrow = asked(busy=("esc to cancel",), busy_last_rows=1)
    narrow.draw(11.0, "you may press esc to cancel\n\n> \n\n")
    assert narrow.stop(12.5) == ("ready", "quiet")


def test_a_spinner_is_work() -> None:
    """Text that changes is not quiet, also where no sign is known."""
    story = asked(busy_timeout_s=60.0)
    for tenth in range(600):
        story.draw(10.1 + tenth / 10, f"hello\n{'|/-*'[tenth % 4]}")
        if tenth < 595:
            assert story.stop(10.1 + tenth / 10) is None
    assert story.stop(70.1) == ("busy_timeout", "timeout")


def test_silent_and_busy_time_out_apart() -> None:
    """One that says nothing and one that never ends are different failures."""
    silent = asked(silent_timeout_s=5.0, busy=("busy",))
    silent.draw(11.0, "busy")
    assert silent.stop(15.9) is None
    assert silent.stop(16.0) == ("silent_timeout", "timeout")
    slow = asked(silent_timeout_s=5.0)
    assert slow.stop(14.9) is None
    slow.draw(14.9, "there it is")
    assert slow.stop(16.4) == ("ready", "quiet")


def test_an_approval_is_told_from_a_prompt() -> None:
    """By what is on the screen, also where the busy sign is still there; anchored to the line."""
    story = asked(approval=(r"\(y/n\)$",), busy=("esc to cancel",))
    story.draw(11.0, "write? (y/n)\nesc to cancel")
    assert story.stop(12.5) == ("approval", "quiet")
    story.watch.sent(13.0)
    story.draw(13.1, "write? (y/n) y\n> ")
    assert story.stop(14.6) == ("ready", "quiet")
    above = asked(approval=(r"\(y/n\)",), approval_last_rows=1)
    above.draw(11.0, "write? (y/n) y\ndone\n> ")
    assert above.stop(12.5) == ("ready", "quiet")


def test_something_must_be_on_the_screen_where_it_is_known() -> None:
    """A program that pauses while it starts is not ready before its prompt is there."""
    story = Story(ready=("^> ",))
    story.draw(1.0, "loading")
    assert story.stop(20.0) is None
    story.draw(20.0, "loaded\n> ")
    assert story.stop(21.5) == ("ready", "quiet")


def test_the_title_says_it_sooner() -> None:
    """Once the drawing has settled; a busy title holds quiet back; one from before the send is not asked."""
    story = asked(idle_title=("^✳",), busy_title=("^[⠂⠐]",), approval_title=("Action",))
    story.watch.title(10.2, "⠂ agent")
    story.draw(10.3, "thinking")
    assert story.stop(20.0) is None
    story.watch.title(20.0, "✳ agent")
    story.draw(20.05, "answer")
    assert story.stop(20.2) is None
    assert story.stop(20.26) == ("ready", "title")
    story.watch.sent(21.0)
    assert story.stop(22.0) is None
    story.watch.title(22.0, "[ ! ] Action Required")
    assert story.stop(22.21) == ("approval", "title")


def test_quiet_starts_anew_where_a_busy_sign_ends() -> None:
    """A long silence under a busy title is no quiet: the answer is drawn after it has changed."""
    story = asked(busy_title=("busy",))
    story.watch.title(10.1, "busy")
    story.draw(10.2, "> hi")
    assert story.stop(20.0) is None
    story.watch.title(20.1, "other")
    assert story.stop(20.1) is None
    assert story.stop(21.49) is None
    assert story.stop(21.5) == ("ready", "quiet")


def test_a_title_does_not_wait_for_drawing_that_never_ends() -> None:
    """Four times the time to settle is enough."""
    story = asked(idle_title=("idle",))
    story.watch.title(11.0, "idle")
    for hundredth in range(1, 80):
        story.watch.output(11.0 + hundredth / 100, 10)
        assert story.stop(11.0 + hundredth / 100) is None
    story.watch.output(11.8, 10)
    assert story.stop(11.8) == ("ready", "title")


def test_an_idle_title_with_a_question_is_an_approval() -> None:
    """One agent's title looks idle while it asks."""
    story = asked(idle_title=("idle",), approval=("Do you want to",))
    story.watch.title(11.0, "idle")
    story.draw(11.0, "Do you want to write?")
    assert story.stop(11.21) == ("approval", "title")


def test_a_title_at_the_start_waits_for_something_drawn() -> None:
    """It may be set before there is anything to type into."""
    story = Story(idle_title=("idle",))
    story.watch.title(0.5, "idle")
    assert story.stop(5.0) is None
    story.draw(5.0, "> ")
    assert story.stop(5.2) == ("ready", "title")


def test_a_title_at_the_start_waits_for_the_prompt() -> None:
    """Some programs call themselves ready long before they read; what is typed then would be lost."""
    story = Story(idle_title=(r"^ready",), ready=(r"^> $",))
    story.watch.title(0.5, "ready")
    story.draw(1.0, "welcome")
    assert story.stop(5.0) is None
    story.draw(6.0, "welcome\n> ")
    assert story.stop(6.2) == ("ready", "title")


def test_progress_that_was_taken_away() -> None:
    """And busy as long as it is there."""
    story = asked(uses_progress=True)
    story.watch.progress(10.1, "3")
    story.draw(10.2, "work")
    assert story.stop(30.0) is None
    story.watch.progress(30.0, "0")
    assert story.stop(30.21) == ("ready", "progress")
    unused = asked()
    unused.watch.progress(10.1, "3")
    unused.draw(10.2, "work")
    assert unused.stop(11.7) == ("ready", "quiet")


def test_a_blocked_read_counts_after_a_moment() -> None:
    """Unbroken, with nothing left to read; the moment starts anew with the send."""
    story = asked(uses_blocked_read=True)
    story.draw(10.0, "> hi")
    story.watch.blocked_read(10.0, READER, pending_input=3)
    assert story.stop(10.3) is None
    story.watch.blocked_read(10.3, READER)
    story.watch.blocked_read(10.4, ())
    story.watch.blocked_read(10.5, READER)
    assert story.stop(10.64) is None
    assert story.stop(10.65) == ("ready", "blocked_read")
    story.watch.sent(11.0)
    story.watch.blocked_read(11.0, READER)
    assert story.stop(11.1) is None


def test_two_looks_at_different_waits_are_no_unbroken_wait() -> None:
    """The program did something between them, and may not have said all yet."""
    story = asked(uses_blocked_read=True)
    story.watch.blocked_read(10.0, (7, 1))
    story.draw(10.5, "may I? [y/n]")
    story.watch.blocked_read(10.5, (7, 2))
    assert story.stop(10.64) is None
    assert story.stop(10.65) == ("ready", "blocked_read")


def test_who_still_waits_as_before_has_not_read_what_was_sent() -> None:
    """It is on its way; only where nothing comes of it for as long as quiet takes, the program needs no more of it."""
    story = asked(uses_blocked_read=True)
    story.watch.reader_before(READER)
    story.watch.sent(11.0)
    story.watch.blocked_read(11.0, READER)
    assert story.stop(12.49) is None
    assert story.stop(12.5) == ("ready", "blocked_read")
    story.watch.reader_before(READER)
    story.watch.sent(20.0)
    story.watch.blocked_read(20.0, READER)
    story.watch.blocked_read(20.1, (7, 4))
    assert story.stop(20.3) == ("ready", "blocked_read")
    story.watch.sent(30.0)
    story.watch.blocked_read(30.0, READER)
    assert story.stop(30.2) == ("ready", "blocked_read"), "what was noted before one send says nothing about the next"


def test_a_part_that_goes_on_writing_delays_a_blocked_read() -> None:
    """And does not hold it up for ever."""
    story = asked(uses_blocked_read=True)
    story.watch.blocked_read(11.0, READER)
    for tenth in range(1, 6):
        story.draw(11.0 + tenth / 10, f"tick {tenth}")
        assert story.stop(11.0 + tenth / 10) is None
    story.draw(11.6, "tick 6")
    assert story.stop(11.6) == ("ready", "blocked_read")


def test_who_does_not_read_is_not_ready_however_quiet() -> None:
    """The echo of a line and then silence are work; where it cannot be told, quiet counts."""
    story = asked(uses_blocked_read=True)
    story.draw(10.1, "> hi")
    story.watch.blocked_read(10.2, ())
    assert story.stop(30.0) is None
    story.watch.blocked_read(30.0, None)
    assert story.stop(30.1) == ("ready", "quiet")


def test_a_hook_is_believed_first() -> None:
    """Over what the screen says, once that has settled; one from the last turn is gone."""
    story = asked(busy=("busy",), idle_title=("idle",))
    story.draw(11.0, "busy")
    story.watch.hook(11.0)
    story.watch.title(11.0, "idle")
    assert story.stop(11.1) is None
    found = story.watch.decide(11.21)
    assert found is not None
    assert (found.kind, found.signal, dict(found.signals)) == ("ready", "hook", {"hook": 11.0, "title": 11.0})
    story.watch.sent(12.0)
    story.watch.hook(11.9)
    assert story.stop(12.9) is None
    story.watch.hook(13.0, "approval", "acp")
    assert story.stop(13.21) == ("approval", "acp")
    assert story.watch.seen == [
        SignalSeen(11.0, "hook", "ready"),
        SignalSeen(11.0, "title", "ready"),
        SignalSeen(13.0, "acp", "approval"),
    ]


def test_the_end_and_the_flood() -> None:
    """Are no prompts."""
    story = asked()
    story.watch.exited(11.0)
    assert story.stop(11.0) == ("exited", "exit")
    flood = asked(output_limit_bytes=1_000)
    for tenth in range(10):
        flood.watch.output(10.0 + tenth / 10, 100)
    assert flood.stop(11.0) is None
    flood.watch.output(11.0, 1)
    assert flood.stop(11.0) == ("flood", "output")
    flood.watch.sent(12.0)
    assert flood.stop(12.0) is None
    flood.watch.flooded()
    flood.watch.exited(12.1)
    assert flood.stop(12.1) == ("flood", "output")


def logo(at_s: float) -> str:
    return f"{'#*+='[round(at_s * 5) % 4]} logo\n\n> "


def test_a_row_that_moves_by_itself_is_learnt_before_the_first_prompt() -> None:
    """And ignored from then on, wherever its texts stand."""
    story = Story()
    for fifth in range(5, 40):
        story.draw(fifth / 5, logo(fifth / 5))
        found = story.stop(fifth / 5)
        assert (found is not None) == (fifth >= 25), fifth
    assert story.watch.ambient_rows == {0}
    story.watch.sent(10.0)
    for fifth in range(50, 58):
        story.draw(fifth / 5, logo(fifth / 5) + "hi")
        assert story.stop(fifth / 5) is None
    assert story.stop(11.51) == ("ready", "quiet")
    story.watch.sent(20.0)
    for fifth in range(100, 108):
        story.draw(fifth / 5, "a line above\n" + logo(fifth / 5))
    assert story.stop(21.51) == ("ready", "quiet")


def test_a_row_that_moves_while_the_user_thinks_is_learnt() -> None:
    """A clock below the prompt is no work later; what the user types once is not learnt."""
    story = asked()
    story.draw(11.0, "> ")
    assert story.stop(12.5) == ("ready", "quiet")
    story.draw(12.6, "> typed")
    for second in range(13, 30):
        story.draw(float(second), f"> typed\n12:00:{second}")
    story.watch.sent(30.0)
    assert story.watch.ambient_rows == {1}
    for second in range(30, 32):
        story.draw(float(second), f"> typed, sent\n12:00:{second}")
    assert story.stop(31.4) is None
    assert story.stop(31.5) == ("ready", "quiet")


def test_an_answer_that_is_drawn_after_a_stop_is_not_learnt() -> None:
    """A title that came too early must not make the program's work look idle for ever."""
    story = asked(idle_title=("idle",))
    story.watch.title(10.5, "idle")
    story.draw(10.5, "head")
    assert story.stop(10.71) == ("ready", "title")
    for tenth in range(110, 200):
        lines = (tenth - 110) // 30
        story.draw(tenth / 10, "head\n" + "line\n" * lines + "word " * (tenth % 30))
    assert story.watch.ambient_rows == frozenset()


def test_a_spinner_at_the_start_beside_other_rows_is_not_learnt() -> None:
    """While anything else is drawn too, the program is still starting."""
    story = Story()
    for tenth in range(10, 80):
        story.draw(tenth / 10, f"{'|/-*'[tenth % 4]} loading\n" + "step\n" * (tenth // 15))
        assert story.stop(tenth / 10) is None
    assert story.watch.ambient_rows == frozenset()


def test_colours_that_blink_take_longer() -> None:
    """Bytes without another text: quiet after twice the time."""
    story = asked()
    story.draw(11.0, "done\n> ")
    for tenth in range(111, 140):
        story.draw(tenth / 10, "done\n> ")
        assert story.stop(tenth / 10) is None
    story.draw(14.0, "done\n> ")
    assert story.stop(14.0) == ("ready", "quiet")


@pytest.mark.parametrize("first_turn", [True, False])
def test_equal_lines_without_end_are_no_prompt(first_turn: bool) -> None:
    """They look the same, but for the last one; who writes so much works, and moves nothing by itself."""
    story = Story(output_limit_bytes=10**9) if first_turn else asked(output_limit_bytes=10**9)
    for tenth in range(100, 200):
        story.watch.output(tenth / 10, 200_000)
        story.watch.screen(tenth / 10, "y\ny\ny" + ("\ny" if tenth % 3 else ""))
        assert story.stop(tenth / 10) is None
    assert story.watch.ambient_rows == frozenset()


@given(
    st.lists(
        st.tuples(st.floats(0.01, 3.0), st.sampled_from(["draw", "bytes", "title", "read", "busy", "sent", "hook"])),
        max_size=40,
    )
)
def test_no_stop_comes_before_its_time(facts: list[tuple[float, str]]) -> None:
    """Whatever happens: nothing within the shortest time after a send, quiet only after quiet, kinds that exist."""
    watch = TurnWatch(QuietRules(busy=("busy",), idle_title=("idle",), uses_blocked_read=True), started_s=0.0)
    now_s = sent_s = last_s = 0.0
    text = ""
    for after_s, fact in facts:
        now_s += after_s
        if fact in {"draw", "busy"}:
            text = "busy" if fact == "busy" else f"text at {now_s}"
        if fact in {"draw", "bytes", "busy"}:
            watch.output(now_s, 5)
            watch.screen(now_s, text)
            last_s = now_s
        elif fact == "title":
            watch.title(now_s, "idle")
        elif fact == "read":
            watch.blocked_read(now_s, READER)
        elif fact == "hook":
            watch.hook(now_s)
        else:
            watch.sent(now_s)
            sent_s = now_s
        if (found := watch.decide(now_s)) is None:
            continue
        assert found.at_s <= now_s
        assert found.at_s - sent_s >= 0.15 - 1e-9
        if found.signal == "quiet" and found.at_s == now_s:
            assert text != "busy"
            assert now_s - max(sent_s, last_s) >= 1.5 - 1e-9 or now_s - sent_s >= 3.0
        if found.signal not in {"timeout", "exit", "output"}:
            assert found.signal in found.signals
