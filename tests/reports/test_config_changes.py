"""What differs between two configs, and what of it was meant to."""

from __future__ import annotations

import copy
from typing import Any

from evalkit.reports.config_changes import ConfigChange, find_config_changes

BASE: dict[str, Any] = {
    "assistant": {"model": "a", "voice": None, "provider": {"name": "openai", "models": {"assistant": "a"}}},
    "mode": {"name": "crawl", "data_csv": "/one/cases.csv", "graders": ["tool_call"]},
    "judge": {"model": "j", "votes": 1},
    "channel": {"name": "clean"},
    "limits": {"max_attempts": 3},
    "chunk_ms": 20,
    "output_dir": "/one",
    "run_name": "monday",
    "concurrency": 4,
    "gate": {"min_grade": None},
}
NO_FILES: tuple[dict[str, str], dict[str, str]] = ({}, {})


def changed(**changes: Any) -> dict[str, Any]:
    config = copy.deepcopy(BASE)
    for path, value in changes.items():
        node, _, key = path.partition("__")
        if key:
            config[node][key] = value
        else:
            config[node] = value
    return config


def find(after: dict[str, Any], expect: tuple[str, ...] = (), hashes: Any = NO_FILES) -> list[ConfigChange]:
    return find_config_changes(BASE, after, hashes=hashes, expect=expect)


def test_a_single_key_is_what_is_compared() -> None:
    """Whatever it is: nothing to warn of."""
    assert find(changed(chunk_ms=40)) == [ConfigChange("chunk_ms", 20, 40, expected=True)]
    assert find(BASE) == []


def test_beside_the_assistant_nothing_else_should_differ() -> None:
    """Model and voice are the assistant's; a change of the line at the same time spoils the comparison."""
    found = find(changed(assistant__model="b", assistant__voice="v", channel__name="noisy"))
    assert [(change.key, change.expected) for change in found] == [
        ("assistant.model", True),
        ("assistant.voice", True),
        ("channel.name", False),
    ]


def test_keys_may_be_named() -> None:
    """What is named is meant, nodes too, and then nothing else is."""
    found = find(changed(assistant__model="b", judge__votes=3, judge__model="k"), ("judge",))
    assert {change.key: change.expected for change in found} == {
        "assistant.model": False,
        "judge.votes": True,
        "judge.model": True,
    }


def test_what_changes_no_result_is_no_difference() -> None:
    """Names, places, speed, patience, gates, and defaults that a role no longer needs."""
    after = changed(output_dir="/two", run_name="x", concurrency=9, gate__min_grade=1, limits__max_attempts=1)
    after["assistant"]["provider"]["models"]["assistant"] = "z"
    assert find(after) == []


def test_files_are_compared_by_content() -> None:
    """The same file elsewhere is the same; a file with the same name and another content is not."""
    moved = changed(mode__data_csv="/two/cases.csv")
    same = ({"/one/cases.csv": "abc"}, {"/two/cases.csv": "abc"})
    assert find(moved, hashes=same) == []
    edited = ({"/one/cases.csv": "aaaabbbbcccc"}, {"/one/cases.csv": "ddddeeeeffff"})
    [change] = find(BASE, hashes=edited)
    assert (change.before, change.after) == ("/one/cases.csv (sha256 aaaabbbb)", "/one/cases.csv (sha256 ddddeeee)")


def test_a_key_that_one_run_did_not_have() -> None:
    """An older run's config lacks it: told, not a crash."""
    after = copy.deepcopy(BASE)
    del after["channel"]["name"]
    [change] = find(after)
    assert (change.key, change.after) == ("channel.name", "(no such key)")


def test_what_an_older_run_stored_and_its_mode_never_asked_for_is_no_difference() -> None:
    """Every run once had the simulator's settings; a key that the mode has, and a mode that is another, count."""
    older = {**BASE, "simulator": {"kind": "realtime"}, "max_turns": None}
    assert find(older) == []
    assert [change.key for change in find({**BASE, "real_time": True})] == ["real_time"]
    other = find(changed(mode__name="run") | {"simulator": {"kind": "realtime"}})
    assert [change.key for change in other] == ["mode.name", "simulator.kind"]


def test_a_key_that_was_renamed_or_came_since_is_no_difference() -> None:
    """An older run is read under today's names, with what held before there was a choice."""
    older = {**BASE, "service": {"voice": "hibari", "ears": "whisper"}}
    newer = {**BASE, "service": {"speech": "hibari", "transcription": "whisper", "brain": "rules"}}
    assert find_config_changes(older, newer, hashes=NO_FILES) == []
    other = {**BASE, "service": {"speech": "pico", "transcription": "whisper", "brain": "model"}}
    found = find_config_changes(older, other, hashes=NO_FILES)
    assert [(change.key, change.before, change.after) for change in found] == [
        ("service.brain", "rules", "model"),
        ("service.speech", "hibari", "pico"),
    ]


def test_what_only_sound_needs_is_told_by_the_input() -> None:
    """A run in writing has no channel and no chunks; beside a spoken one that is one difference, not many."""
    written = {key: value for key, value in changed().items() if key not in ("channel", "chunk_ms")} | {"input": "text"}
    assert find(written) == [ConfigChange("input", "voice", "text", expected=True)]
    other = {**written, "assistant": {**written["assistant"], "model": "b"}}
    assert {change.key for change in find(other)} == {"assistant.model", "input"}
    assert find({**BASE, "input": "voice"}) == []
