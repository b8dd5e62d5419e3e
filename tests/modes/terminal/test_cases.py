# ruff: noqa: E501, RUF043 - programs, and what they say, are clearest unbroken
"""Cases are read with everything that is wrong in them, each said once: where, what was found, what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from terminal_sessions import make_check, make_reactor, make_session_case, write_case

from evalkit.errors import DataError
from evalkit.modes.terminal.case import Transport, asks_model
from evalkit.modes.terminal.cases import choose_cases, make_case, reactor_to_json, read_case, read_cases, specs_of
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.settings.resources import resource_dir


def problems(folder: Path, **fields: Any) -> list[str]:
    """Return what is wrong with a case, without its path."""
    path = write_case(folder, **fields)
    with pytest.raises(DataError) as caught:
        read_case(path)
    lines = str(caught.value).splitlines()
    assert all(str(path) in line for line in lines), lines
    return [line.replace(f"{path}: ", "") for line in lines]


def rule(
    rule_id: str = "r", action: dict[str, Any] | None = None, limit: int | None = 1, **when: Any
) -> dict[str, Any]:
    """Return a reactor as a file has it."""
    return {"id": rule_id, "when": when or {"type": "approval"}, "action": action or {"type": "end"}, "limit": limit}


def act(action: str, payload: Any = None) -> dict[str, Any]:
    """Return an action as a file has it."""
    return {"type": action, **({} if payload is None else {"payload": payload})}


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"title": None}, ["'title': is missing"]),
        ({"surprise": 1}, ["surprise"]),
        ({"max_turns": 0}, ["max_turns", "0"]),
        ({"transports": ["pty", "fax"]}, ["transports", "fax"]),
        ({"checks": [{"id": "a", "type": "file_exsts", "path": "a"}]}, ["checks", "file_exsts"]),
        ({"checks": [{"id": "a", "type": "file_exists"}]}, ["checks", "path"]),
        ({"checks": [{"id": "a", "type": "file_exists", "path": "../a"}]}, ["'path'", "expected A file below the workspace"]),
        ({"checks": [{"id": "a", "type": "claims_true", "text": "x"}]}, ["'text': does not belong here", "id, type, required"]),
        ({"setup_files": {"../a": "x"}}, ["setup_files", "../a", "name is not allowed"]),
        ({"setup_files": {"/etc/a": "x"}}, ["setup_files", "/etc/a"]),
        ({"setup_dir": "nowhere"}, ["'setup_dir': there is no folder", "nowhere"]),
        ({"initial_prompt": " "}, ["initial_prompt"]),
        ({"reactors": [rule("default")]}, ["default"]),
        ({"reactors": [rule("persona")]}, ["reactor 'persona'", "taken"]),
        ({"reactors": [rule("a"), rule("a", type="contains", pattern="x")]}, ["reactor 'a'", "one of its own"]),
        ({"reactors": [rule(type="regex", pattern="(")]}, ["'r'", "not a regular expression", "position"]),
        ({"reactors": [rule(type="regex")]}, ["pattern"]),
        (
            {"checks": [{"id": "a", "type": "file_regex", "path": "a", "pattern": "[a"}]},
            ["check 'a': 'pattern' is not a regular expression", "position"],
        ),
        (
            {"checks": [{"id": "a", "type": "command", "argv": ["true"], "stdout_regex": "("}]},
            ["check 'a': 'stdout_regex' is not a regular expression", "position"],
        ),
        ({"reactors": [rule("a", limit=None), rule("b", type="approval", pattern="x")]}, ["'b'", "never", "'a'"]),
        (
            {"reactors": [rule(n, limit=None, type="contains", pattern="x") for n in "ab"]},
            ["reactor 'b'", "can never fire", "give that one a limit, or put this one first"],
        ),
        ({"reactors": [rule("a", limit=None, type="working", after_s=2), rule("b", type="working", after_s=3)]}, ["'b'"]),
        ({"reactors": [rule(type="working")]}, ["after_s"]),
        ({"reactors": [rule(action=act("say"))]}, ["payload"]),
        ({"reactors": [rule(action=act("wait", "soon"))]}, ["soon"]),
        ({"reactors": [rule(action=act("wait", "601"))]}, ["wait needs seconds, up to 600", "601"]),
        ({"reactors": [rule(action=act("resize", "wide"))]}, ["wide"]),
        ({"reactors": [rule(action=act("resize", "10x4"))]}, ["20x5 to 500x200", "10x4"]),
        ({"reactors": [rule(action=act("press", "down entre"))]}, ["there is no key 'entre'", "did you mean 'enter'"]),
        ({"reactors": [rule(action=act("approve", "yes"))]}, ["'action.payload': does not belong here; allowed are: type"]),
        ({"reactors": [rule(action=act("dance"))]}, ["dance"]),
        ({"default_action": act("say")}, ["payload"]),
        ({"default_action": act("press", "entr")}, ["reactor 'default'", "'entr'", "enter"]),
        (
            {"checks": [{"id": "a", "type": "file_exists", "path": "a"}, {"id": "a", "type": "claims_true"}]},
            ["check 'a' is there twice"],
        ),
        ({"graders": [{"grader_id": "there", "type": "keyword"}]}, ["check 'there' is there twice"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_once_and_clearly(fields: dict[str, Any], parts: list[str], tmp_path: Path) -> None:
    """Where it stands, what was found, and what would be right."""
    found = problems(tmp_path, **fields)
    fitting = [line for line in found if all(part in line for part in parts)]
    assert len(fitting) == 1, found


def test_a_workspace_may_not_be_too_large(tmp_path: Path) -> None:
    """It is written anew for every session."""
    (tmp_path / "setup").mkdir()
    (tmp_path / "setup" / "a").write_bytes(b"x" * 5_000_000)
    [problem] = problems(tmp_path, setup_dir="setup")
    assert problem == "the files of the workspace are more than 4194304 bytes together"


def test_everything_wrong_comes_at_once(tmp_path: Path) -> None:
    """So that a case is mended in one go."""
    found = problems(
        tmp_path,
        setup_dir="nowhere",
        reactors=[rule("a", type="regex", pattern="("), rule("a", action=act("press", "entr"))],
    )
    assert len(found) == 4


def test_a_case_is_called_what_its_file_is(tmp_path: Path) -> None:
    """Else results and files could not be matched."""
    path = write_case(tmp_path)
    path.rename(tmp_path / "other.yaml")
    with pytest.raises(DataError, match="is 'a_case', but the file is called other.yaml; give both one name"):
        read_case(tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: [1", "not valid YAML"),
        ("a.json", "{", "not valid JSON"),
        ("a.yaml", "- 1", "list"),
        ("a.yaml", "title: A\ncase_id: a\ntitle: B", "'title' is there twice.*line 3"),
        ("a.yaml", "solution: [{says: A, says: B}]", "'says' is there twice"),
        ("a.yaml", "", "is empty; a case needs case_id"),
        ("a.yaml", "# later\n", "is empty; a case needs case_id"),
    ],
)
def test_what_is_no_document_is_said(name: str, text: str, message: str, tmp_path: Path) -> None:
    """With the file's name."""
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=f"{name}: .*{message}"):
        read_case(tmp_path / name)


def test_a_case_that_is_right_is_read_whole(tmp_path: Path) -> None:
    """From YAML and from JSON alike; files written out lie over those of the folder."""
    (tmp_path / "setup" / "src").mkdir(parents=True)
    (tmp_path / "setup" / "src" / "a.py").write_text("old")
    (tmp_path / "setup" / "b.bin").write_bytes(b"\0\xff")
    (tmp_path / "setup" / "link").symlink_to("/etc/passwd")
    path = write_case(
        tmp_path,
        setup_dir="setup",
        setup_files={"src/a.py": "new"},
        reactors=[rule(action=act("press", "down enter y"), type="working", after_s=1.5)],
        output_schema={"type": "object"},
        graders=[{"grader_id": "g", "type": "keyword", "words": ["a"], "level": "turn", "required": False}],
    )
    case = read_case(path)
    assert dict(case.setup) == {"src/a.py": b"new", "b.bin": b"\0\xff"}
    assert [spec.grader_id for spec in (*case.checks, *case.graders)] == ["there", "output_schema", "g"]
    assert case.reactors[0].after_s == 1.5
    assert (case.max_turns, case.transports, case.default.reactor_id) == (10, tuple(Transport), "default")
    (tmp_path / "j").mkdir()
    other = tmp_path / "j" / "a_case.json"
    other.write_text(json.dumps({**yaml.safe_load(path.read_text()), "setup_dir": None}))
    assert read_case(other).checks == case.checks


def test_the_index_says_which_cases_run(tmp_path: Path) -> None:
    """In its order; one that is switched off is not read."""
    for name in ("one", "two"):
        write_case(tmp_path, name)
    index = tmp_path / "cases.csv"
    index.write_text("case_file,enabled\ntwo.yaml,\nmissing.yaml,false\none.yaml,TRUE\n")
    assert [case.case_id for case in read_cases(index)] == ["two", "one"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("case\none.yaml", "case_file"),
        ("case_file,enabled\none.yaml,maybe", "is 'maybe', expected true or false"),
        ("case_file,enabled\n,true", "is empty, expected the path of a YAML or JSON file"),
        ("case_file\none.yaml\none.yaml", "case 'one' is listed twice"),
        ("case_file,enabled\none.yaml,false", "no case is enabled; set column 'enabled' of one to true"),
        ("case_file\nnowhere.yaml", "nowhere.yaml"),
    ],
)
def test_what_is_wrong_with_an_index_is_said(rows: str, message: str, tmp_path: Path) -> None:
    """With the row it stands in."""
    write_case(tmp_path, "one")
    (tmp_path / "cases.csv").write_text(f"{rows}\n")
    with pytest.raises(DataError, match=message):
        read_cases(tmp_path / "cases.csv")


def test_cases_are_chosen_by_name_and_glob() -> None:
    """A name that fits none is an error with the nearest one."""
    cases = [make_session_case(case_id=name) for name in ("create_file", "delete_file", "resize")]
    assert [case.case_id for case in choose_cases(cases, ["*_file"])] == ["create_file", "delete_file"]
    assert choose_cases(cases, []) == cases
    with pytest.raises(
        DataError, match=r"'resise' \(there are create_file, delete_file, resize\); did you mean 'resize'"
    ):
        choose_cases(cases, ["resise"])


def test_a_stored_case_gives_its_checks_back() -> None:
    """And its inputs change with all that decides a session, but not with what only judges it."""
    spec = GraderSpec("g", "keyword", {"words": ["a"]}, GradeLevel.TURN, required=False)
    case = make_session_case(checks=(make_check("file_exists", path="a"), make_check("command", "d", argv=["true"])))
    case = make_session_case(**{**vars(case), "graders": (spec,), "setup": {"a": b"x"}})
    stored = make_case(case, Transport.PTY, None)
    assert specs_of(stored) == (*case.checks, spec)
    assert stored.required_graders == ("c", "d")
    json.dumps(stored.inputs)
    other = make_session_case(**{**vars(case), "checks": case.checks[1:]})
    assert make_case(other, Transport.PTY, None).inputs == stored.inputs
    for change in (
        {"setup": {"a": b"y"}}, {"max_turns": 4}, {"initial_prompt": "x"}, {"persona": "p"}, {"checks": ()},
        {"reactors": (make_reactor(),)}, {"default": make_reactor("default", None, payload="x")},
    ):  # fmt: skip
        other = make_session_case(**{**vars(case), **change})
        assert make_case(other, Transport.PTY, None).inputs != stored.inputs, change
    assert make_case(case, Transport.ACP, None).inputs != stored.inputs
    assert make_case(case, Transport.PTY, 7).inputs["max_turns"] == 7


def test_a_model_is_asked_for_personas_and_conditions_only() -> None:
    """A case without either needs no key."""
    assert not asks_model(make_session_case(reactors=(make_reactor(),)))
    assert asks_model(make_session_case(persona="A hurried person."))
    assert asks_model(make_session_case(reactors=(make_reactor("l", "llm", "done?"),)))
    assert reactor_to_json(make_reactor("l", "llm", "done?"))["trigger"] == "llm"


def test_every_case_that_ships_is_right() -> None:
    """They are read whole, and every one asks for something that can be checked."""
    cases = read_cases(resource_dir("data") / "terminal" / "cases.csv")
    assert len(cases) > 30
    assert all(case.checks for case in cases)
