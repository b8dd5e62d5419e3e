"""The first reactor that fits acts, as often as it may."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_sessions import make_reactor, make_stop

from evalkit.errors import CaseFailure
from evalkit.modes.terminal.link import StopKind
from evalkit.modes.terminal.reactors import LOOKED_AT, Reactors

WORDS = st.sampled_from(["", "a", "b", "ab", "ba"])


async def never(condition: str, shown: str) -> bool:
    """Answer a condition that nobody should ask."""
    raise AssertionError((condition, shown))


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "ab"]), st.sampled_from([1, 2, None])), max_size=5),
    st.lists(WORDS, max_size=8),
)
def test_the_first_that_fits_and_is_not_used_up_acts(rules: list[tuple[str, int | None]], said: list[str]) -> None:
    """For every list of rules, and everything that an agent says."""
    made = [make_reactor(f"r{n}", pattern=pattern, limit=limit) for n, (pattern, limit) in enumerate(rules)]
    reactors, counts = Reactors(made, never), Counter[str]()
    for text in said:
        found = asyncio.run(reactors.find(make_stop(text=text)))
        able = [r for r in made if r.pattern in text and (r.limit is None or counts[r.reactor_id] < r.limit)]
        assert found == (able[0] if able else None)
        counts.update([found.reactor_id] if found else [])
    assert reactors.fired == counts


@pytest.mark.parametrize(
    ("trigger", "pattern", "kind", "text", "screen", "fits"),
    [
        ("contains", "WROTE", StopKind.READY, "wrote it", "", True),
        ("contains", "wrote", StopKind.READY, "", "wrote", False),
        ("contains", "wrote", StopKind.APPROVAL, "wrote", "", True),
        ("regex", r"^\d+$", StopKind.READY, "a\n12\nb", "", True),
        ("regex", r"^\d+$", StopKind.READY, "a12", "", False),
        ("screen", "ready", StopKind.READY, "", "◇ ready", True),
        ("screen", "ready", StopKind.READY, "ready", "", False),
        ("approval", "", StopKind.APPROVAL, "", "", True),
        ("approval", "", StopKind.READY, "", "", False),
        ("approval", "a.txt", StopKind.APPROVAL, "", "Write a.txt?", True),
        ("approval", "a.txt", StopKind.APPROVAL, "Write a.txt?", "", True),
        ("approval", "b.txt", StopKind.APPROVAL, "Write a.txt?", "", False),
        ("contains", "a", StopKind.WORKING, "a", "a", False),
    ],
)
async def test_what_a_trigger_looks_at(
    trigger: str, pattern: str, kind: StopKind, text: str, screen: str, *, fits: bool
) -> None:
    """What was said, what is seen, or that the agent asks."""
    reactors = Reactors([make_reactor("r", trigger, pattern)], never)
    assert (await reactors.find(make_stop(kind, text, screen=screen)) is not None) is fits


async def test_the_users_own_words_are_no_question_for_approval() -> None:
    """They stand on the screen beside it, in lines that the terminal broke anywhere; another line is not taken out."""
    said = "Write the sum into total.txt, and clear notes.txt"
    drawn = "> Write the sum into total.txt, and clear no\ntes.txt\nMay I write total.txt? [y/n]"
    stop = make_stop(StopKind.APPROVAL, "May I write total.txt? [y/n]", screen=drawn)
    refuse = make_reactor("refuse", "approval", r"notes\.txt", "deny")
    allow = make_reactor("allow", "approval", r"total\.txt", "approve")
    assert await Reactors([refuse, allow], never).find(stop, [said]) is allow
    unbroken = make_stop(StopKind.APPROVAL, "", screen=f"> {said}\nMay I clear notes.txt? [y/n]")
    assert await Reactors([refuse, allow], never).find(unbroken, [said]) is refuse


async def test_a_working_agent_is_left_alone_for_as_long_as_the_reactor_says() -> None:
    """The one that waits longer is not brought forward by another that waits less."""
    slow = make_reactor("slow", "working", after_s=10.0, limit=1)
    quick = make_reactor("quick", "working", after_s=2.0, limit=1)
    reactors = Reactors([slow, quick], never)
    assert reactors.working_after_s == 2.0
    assert await reactors.find(make_stop(StopKind.WORKING, elapsed_ms=2_001)) is quick
    assert reactors.working_after_s == 10.0
    assert await reactors.find(make_stop(StopKind.WORKING, elapsed_ms=9_950)) is slow
    assert reactors.working_after_s is None
    assert await reactors.find(make_stop(StopKind.WORKING, elapsed_ms=99_000)) is None


async def test_a_condition_in_words_is_asked_of_the_model_last() -> None:
    """Only where no earlier reactor fits, and with the end of what was said."""
    asked: list[tuple[str, str]] = []

    async def decide(condition: str, shown: str) -> bool:
        asked.append((condition, shown))
        return len(asked) > 1

    reactors = Reactors([make_reactor("c", pattern="x", limit=1), make_reactor("l", "llm", "is it done?")], decide)
    assert await reactors.find(make_stop(text="x")) is not None
    assert asked == []
    long = "y" * (LOOKED_AT + 5)
    assert await reactors.find(make_stop(text=long)) is None
    assert await reactors.find(make_stop(text=long)) is not None
    assert asked == [("is it done?", "y" * LOOKED_AT)] * 2


async def test_a_pattern_that_takes_too_long_is_the_case_s_fault() -> None:
    """It ends, and says which reactor it was."""
    reactors = Reactors([make_reactor("slow", "regex", r"(x+x+)+(y+y+)+z")], never)
    began = time.process_time()
    with pytest.raises(CaseFailure, match=r"reactor 'slow': its pattern takes more than 0.5 s") as caught:
        await reactors.find(make_stop(text="x" * 4_000 + "y" * 4_000))
    assert time.process_time() - began < 3
    assert caught.value.error_type == "slow_pattern"
