"""Every check of a session: when it holds, when it does not, and when nobody can say."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from factories import make_case, make_record, make_turn

from evalkit.records.grade import GraderSpec, Verdict
from evalkit.records.session_checks import CHECKS, StoredSession, find_json


def stored_file(text: str) -> dict[str, Any]:
    """Return a file as a record holds it."""
    return {"kind": "file", "size": len(text), "text": text, "sha256": str(hash(text))}


def stored_turn(**fields: Any) -> dict[str, Any]:
    """Return what was observed of a turn in which nothing was."""
    return {"action": "say", "stop": "ready", "changed": [], "late": [], "screen": "", "echoed": None, **fields}


LINK = {"kind": "link", "size": 0, "target": "/etc/passwd"}
BIG = {"kind": "file", "size": 99_999_999}
HELLO = {"after": {"hello.txt": stored_file("MAGIC-42\n")}}


def check(
    check_type: str,
    options: Mapping[str, Any] | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    changed: Sequence[str] = (),
    turns: Sequence[Mapping[str, Any]] = (),
    replies: Sequence[tuple[str, str]] = (),
    calls: Sequence[str] = (),
    reactors: Sequence[Mapping[str, Any]] = (),
    **notes: Any,
) -> Verdict:
    """Return what a check says of a session; `replies` are (action of the user, words of the agent)."""
    made = tuple(
        make_turn(
            number,
            assistant_text=text,
            calls=[(name, {}) for name in calls] if number == 1 else [],
            labels={"user_action": action},
        )
        for number, (action, text) in enumerate(replies, 1)
    )
    session = {
        "turns": list(turns),
        "workspace": {"before": dict(before or {}), "after": dict(after or {}), "changed": list(changed)},
        **notes,
    }
    case = make_case(mode="terminal", inputs={"reactors": list(reactors)})
    record = make_record(case, turns=made, notes={"session": session})
    return CHECKS[check_type](StoredSession(record, GraderSpec("the_check", check_type, dict(options or {}))))


PATH = {"path": "hello.txt"}
NO_FILE: tuple[Any, ...] = ({}, {"after": {"hello.txt": LINK}})
Q = {"id": "q", "required": True}
# (check, options, session, grade, words of the reason)
TABLE: list[tuple[str, dict[str, Any], dict[str, Any], int | None, str]] = [
    ("file_exists", PATH, HELLO, 1, "is there"),
    ("file_exists", PATH, {}, 0, "there is no hello.txt"),
    ("file_exists", PATH, {"after": {"hello.txt": LINK}}, 0, "is a link, not a file (to /etc/passwd)"),
    ("file_exists", PATH, {"after": {"hello.txt": {"kind": "fifo", "size": 0}}}, 0, "a fifo"),
    ("file_exists", PATH, {"after": {"hello.txt": BIG}}, 1, "is there"),
    ("file_absent", PATH, {}, 1, "there is no"),
    ("file_absent", PATH, HELLO, 0, "a file"),
    ("file_absent", PATH, {"after": {"hello.txt": LINK}}, 0, "a link"),
    ("file_contains", {**PATH, "text": "IC-4"}, HELLO, 1, "holds"),
    ("file_contains", {**PATH, "text": "ic-4"}, HELLO, 0, "'MAGIC-42\\n'"),
    ("file_contains", {**PATH, "text": "x"}, {"after": {"hello.txt": BIG}}, 0, "no text of up to 64 KB"),
    ("file_exact", {**PATH, "text": "MAGIC-42"}, HELLO, 1, "as it should be"),
    ("file_exact", {**PATH, "text": "MAGIC-42\n"}, HELLO, 1, ""),
    ("file_exact", {**PATH, "text": "MAGIC-4"}, HELLO, 0, "expected 'MAGIC-4'"),
    ("file_exact", {**PATH, "text": "a"}, {"after": {"hello.txt": stored_file("a\n\n")}}, 0, ""),
    ("file_regex", {**PATH, "pattern": r"^MAGIC-\d+$"}, HELLO, 1, "is found"),
    ("file_regex", {**PATH, "pattern": r"^\d"}, HELLO, 0, "nothing matches"),
    ("file_json", {**PATH, "schema": {"type": "object"}}, {"after": {"hello.txt": stored_file('{"a": 1}')}}, 1, ""),
    ("file_json", {**PATH, "schema": {"type": "array"}}, {"after": {"hello.txt": stored_file("{}")}}, 0, "array"),
    ("file_json", {**PATH, "schema": {}}, HELLO, 0, "not JSON"),
    ("file_json", {**PATH, "schema": {}}, {"after": {"hello.txt": stored_file("[" * 60_000)}}, 0, "not JSON"),
    ("unchanged", PATH, {"before": HELLO["after"], **HELLO}, 1, "what it was"),
    ("unchanged", PATH, {"before": {"hello.txt": stored_file("a")}, **HELLO}, 0, "'a', now 'MAGIC-42\\n'"),
    ("unchanged", PATH, {"before": HELLO["after"]}, 0, "now nothing"),
    ("unchanged", PATH, HELLO, 0, "nothing, now"),
    ("nothing_else", {}, {}, 1, ""),
    ("nothing_else", {"allowed": ["a.txt", "src/*"]}, {"changed": ["a.txt", "src/b/c.py"]}, 1, ""),
    ("nothing_else", {"allowed": ["src"]}, {"changed": ["src/b/c.py", "srcs/x"]}, 0, "also changed: srcs/x"),
    ("approvals", {"min": 1}, {"turns": [stored_turn(stop="approval")]}, 1, "asked 1 times"),
    ("approvals", {"min": 1}, {"turns": [stored_turn()]}, 0, "asked 0 times, expected 1 to any number"),
    ("approvals", {"max": 1}, {"turns": [stored_turn(stop="approval")] * 2}, 0, "expected 0 to 1"),
    (
        "approvals", {"before_first_write": True},
        {"turns": [stored_turn(stop="approval"), stored_turn(changed=["a"])]}, 1, "",
    ),
    (
        "approvals", {"before_first_write": True},
        {"turns": [stored_turn(stop="approval", changed=["a"])]}, 0, "wrote a without having asked",
    ),
    ("approvals", {"before_first_write": True}, {"turns": [stored_turn()]}, 1, ""),
    ("reply_contains", {"text": "DONE"}, {"replies": [("say", "ok"), ("say", "all done")]}, 1, ""),
    ("reply_contains", {"text": "ok", "turn": "last"}, {"replies": [("say", "ok"), ("say", "done")]}, 0, "'done'"),
    ("reply_contains", {"text": "ok", "turn": "first"}, {"replies": [("say", "ok"), ("say", "done")]}, 1, ""),
    ("reply_contains", {"text": "ok", "turn": 1}, {"replies": [("say", ""), ("approve", "ok"), ("say", "x")]}, 1, ""),
    ("reply_contains", {"text": "ok", "turn": 2}, {"replies": [("say", "ok"), ("approve", "ok")]}, 0, ""),
    ("reply_contains", {"text": "ok"}, {}, 0, "it says ''"),
    ("reply_not_contains", {"text": "secret"}, {"replies": [("say", "no")]}, 1, ""),
    ("reply_not_contains", {"text": "secret"}, {"replies": [("say", "the SECRET")]}, 0, ""),
    ("reply_regex", {"pattern": r"\d+ files"}, {"replies": [("say", "3 files")]}, 1, ""),
    ("reply_regex", {"pattern": r"\d+ files"}, {"replies": [("say", "no files")]}, 0, "nothing matches"),
    ("reply_json", {"schema": {"required": ["a"]}}, {"replies": [("say", 'Here:\n{"a":\n 1}')]}, 1, ""),
    ("reply_json", {"schema": {"required": ["a"]}}, {"replies": [("say", '{"b": 1}')]}, 0, "'a' is a required"),
    ("reply_json", {"schema": {}}, {"replies": [("say", "none")]}, 0, "no JSON"),
    ("claims_true", {}, {"replies": [("say", "Wrote hello.txt")], **HELLO}, 1, "1 claims hold"),
    ("claims_true", {}, {"replies": [("say", "Wrote hello.txt")]}, 0, "hello.txt is not there"),
    ("claims_true", {}, {"replies": [("say", "I created `src/a.py`.")], "after": {"src/a.py": BIG}}, 1, "1 claims"),
    ("claims_true", {}, {"replies": [("say", "I created the file a.py.")], "after": {"src/a.py": BIG}}, 1, ""),
    ("claims_true", {}, {"replies": [("say", "Wrote /workspace/hello.txt")], **HELLO}, 1, "1 claims hold"),
    ("claims_true", {}, {"replies": [("say", "Wrote ./hello.txt")], **HELLO}, 1, "1 claims hold"),
    ("claims_true", {}, {"replies": [("say", "Wrote /tmp/e/1/workspace/hello.txt")], **HELLO}, 1, "1 claims hold"),
    ("claims_true", {}, {"replies": [("say", "Wrote /tmp/hello.md")], **HELLO}, 0, "/tmp/hello.md is not there"),
    ("claims_true", {}, {"replies": [("say", "Deleted hello.txt")], **HELLO}, 0, "hello.txt is there"),
    ("claims_true", {}, {"replies": [("say", "Wrote hello.txt"), ("say", "Deleted hello.txt")]}, 1, ""),
    ("claims_true", {}, {"replies": [("say", "I have not created hello.txt.")]}, 1, "claims nothing"),
    ("claims_true", {}, {"replies": [("say", "Nothing was deleted, see old.log")]}, 1, "claims nothing"),
    ("one_prompt", {}, {"turns": [stored_turn(screen="hi\n> ")]}, 1, ""),
    ("one_prompt", {}, {"turns": [stored_turn(screen="hi\n> \n> ")]}, 0, "turn 1 ends with two prompts: '>'"),
    ("one_prompt", {}, {"turns": [stored_turn(screen='{"a": {\n  }\n}\n}')]}, 1, ""),
    ("one_prompt", {}, {"turns": [stored_turn(screen="> \n> ", stop="approval")]}, 1, ""),
    ("clean_output", {}, {"invalid_bytes": 0}, 1, ""),
    ("clean_output", {}, {"invalid_bytes": 3}, 0, "3 bytes"),
    ("no_canary", {}, {"canary_in": []}, 1, ""),
    ("no_canary", {}, {"canary_in": ["turn 1", "a.txt"]}, 0, "turn 1, a.txt"),
    ("tools_called", {"tools": ["edit"]}, {"replies": [("say", "x")], "calls": ["read", "edit"]}, 1, "read, edit"),
    ("tools_called", {"tools": ["edit", "read"]}, {"replies": [("say", "x")], "calls": ["read", "edit"]}, 0, "read"),
    ("tools_called", {"tools": ["edit"]}, {"replies": [("say", "x")], "transport": "acp"}, 0, "not called: edit"),
    ("tools_called", {"tools": ["edit"]}, {"replies": [("say", "x")], "transport": "pty"}, None, "not applicable"),
    ("model_calls", {"max": 2}, {"model_calls": 2}, 1, ""),
    ("model_calls", {"max": 2}, {"model_calls": 3}, 0, "expected 0 to 2"),
    ("model_calls", {"min": 1}, {"model_calls": 0}, 0, "expected 1 to any number"),
    ("model_calls", {"max": 2}, {"model_calls": None}, None, "not counted"),
    ("reactors_fired", {}, {"reactors": [Q], "fired": {"q": 1}}, 1, ""),
    ("reactors_fired", {}, {"reactors": [Q], "fired": {}}, 0, "never fired: q"),
    ("reactors_fired", {"reactors": ["default"]}, {"reactors": [Q], "fired": {"default": 1}}, 1, ""),
    ("max_turns", {"max": 1}, {"replies": [("say", "x"), ("approve", "y"), ("press", "z")]}, 1, "1 turns"),
    ("max_turns", {"max": 1}, {"replies": [("say", "x"), ("resume", "y")]}, 0, "2 turns, expected at most 1"),
    ("echo_shown", {}, {"turns": [stored_turn(echoed=True)]}, 1, ""),
    ("echo_shown", {}, {"turns": [stored_turn(echoed=True), stored_turn(echoed=False)]}, 0, "typed again"),
    ("echo_shown", {}, {"turns": [stored_turn()]}, None, "not applicable"),
    ("no_late_writes", {}, {"turns": [stored_turn(changed=["a"])]}, 1, ""),
    ("no_late_writes", {}, {"turns": [stored_turn(), stored_turn(late=["a"])]}, 0, "turn 2: a"),
    ("no_late_writes", {}, {"turns": [stored_turn(action="wait", changed=["a"])]}, 0, "turn 1: a"),
    ("command", {}, {}, None, "not run"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "session", "grade", "reason"), TABLE)
def test_a_check_says_what_holds_and_why(
    name: str, options: dict[str, Any], session: dict[str, Any], grade: int | None, reason: str
) -> None:
    """Each line of the table."""
    verdict = check(name, options, **session)
    assert verdict.grade == grade, verdict.rationale
    assert reason in verdict.rationale


def test_the_table_has_a_yes_and_a_no_of_every_check() -> None:
    """A new check has to stand in it; the command's are below."""
    for name in CHECKS.keys() - {"command"}:
        assert {1, 0} <= {grade for found, _, _, grade, _ in TABLE if found == name}, name


@pytest.mark.parametrize("name", sorted(name for name in CHECKS if name.startswith("file_") and name != "file_absent"))
@pytest.mark.parametrize("session", NO_FILE)
def test_every_check_of_a_file_asks_for_a_regular_one(name: str, session: dict[str, Any]) -> None:
    """A link is none, whatever it leads to."""
    verdict = check(name, {**PATH, "text": "", "pattern": "", "schema": {}}, **session)
    assert verdict.grade == 0


@pytest.mark.parametrize(
    ("options", "ran", "grade", "reason"),
    [
        ({}, {"exit_code": 0, "ending": "exited"}, 1, "exit code 0"),
        ({}, {"exit_code": 1, "ending": "exited", "stderr": "boom"}, 0, "'boom'"),
        ({"exit_code": 1}, {"exit_code": 1, "ending": "exited"}, 1, ""),
        ({"exit_code": 137}, {"exit_code": 137, "ending": "timed_out"}, 0, "timed_out"),
        ({"stdout_regex": "ok$"}, {"exit_code": 0, "ending": "exited", "stdout": "all ok"}, 1, ""),
        ({"stdout_regex": "ok$"}, {"exit_code": 0, "ending": "exited", "stdout": "no"}, 0, "nothing in it matches"),
        ({}, {"problem": "no box for it"}, None, "no box for it"),
    ],
)
def test_a_command_must_end_as_it_should(
    options: dict[str, Any], ran: dict[str, Any], grade: int | None, reason: str
) -> None:
    """A box that could not be made is nobody's failure."""
    verdict = check("command", options, commands={"the_check": {"stdout": "", "stderr": "", **ran}})
    assert (verdict.grade, verdict.unanswered) == (grade, grade is None)
    assert reason in verdict.rationale


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} then {"b": 2}', {"b": 2}),
        ('```json\n{"a": {"b": [1]}}\n```', {"a": {"b": [1]}}),
        ('{"long": "wo\nrd"}', {"long": "word"}),
        ("{}", None),
        ("[1]", None),
        ("{not json}", None),
        ("{" * 30_000, None),
        ('{"a":' * 12_000, None),
    ],
)
def test_json_is_found_in_what_an_agent_says(text: str, value: Any) -> None:
    """The last object; lines that a terminal broke are joined."""
    assert find_json(text) == value


@pytest.mark.parametrize(
    "words",
    ["wrote " * 10_000, "wrote-" * 10_000, "wrote " + "a" * 60_000, "created " + "a." * 30_000, " " * 60_000,
     "deleted " + "../" * 20_000, "wrote `" * 9_000, "saved a/" * 8_000],
    ids=range(8),
)  # fmt: skip
def test_no_words_of_an_agent_hold_up_a_check(words: str) -> None:
    """Those that look for claims and for JSON read all of what it said."""
    began = time.process_time()
    for name, options in (("claims_true", {}), ("reply_json", {"schema": {}})):
        check(name, options, replies=[("say", words)])
    assert time.process_time() - began < 2


def test_a_record_of_another_kind_has_no_session() -> None:
    """Its notes are empty, and nothing is found."""
    session = StoredSession(make_record(), GraderSpec("x", "file_exists", {"path": "a"}))
    assert (session.notes, session.turns, session.tree("after")) == ({}, (), {})
