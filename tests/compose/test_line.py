"""The parts of a command's line."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.compose.line import LineParser, command_line, parse_line, split_directory
from evalkit.errors import ConfigError

ORDERS = [
    ["outputs/run", "judge.votes=3", "--json", "+judge.x=-1", "--config-dir", "mine"],
    ["--json", "--config-dir=mine", "judge.votes=3", "outputs/run", "+judge.x=-1"],
    ["judge.votes=3", "+judge.x=-1", "outputs/run", "-cd", "mine", "--json"],
]


def _scoring() -> LineParser:
    parser = LineParser("evalkit score", "evalkit score DIR [--json]")
    parser.take_overrides()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--form", choices=("text", "table"))
    parser.add_argument("--votes", type=int)
    return parser


def test_overrides_flags_and_questions_are_told_apart() -> None:
    """In any order."""
    line = parse_line(["-m", "chunk_ms=20,40", "--config-dir", "mine", "-c", "job", "mode=crawl", "--resolve"])
    assert line.multirun
    assert line.overrides == ("chunk_ms=20,40", "mode=crawl")
    assert line.config_dirs == ("mine",)
    assert line.questions == ("-c", "job", "--resolve")


def test_a_flag_may_have_its_value_behind_an_equals_sign() -> None:
    """As people write long flags."""
    line = parse_line(["--cfg=job", "--config-dir=a", "-cd", "b", "~x", "++seed=-3"])
    assert line.questions == ("--cfg", "job")
    assert line.config_dirs == ("a", "b")
    assert line.overrides == ("~x", "++seed=-3")


@pytest.mark.parametrize("args", [["--config-dir"], ["-c"], ["-x"], ["--chunk-ms", "40"]])
def test_a_wrong_flag_is_a_config_error(args: list[str]) -> None:
    """Never passed on to Hydra's own usage page."""
    with pytest.raises(ConfigError):
        parse_line(args)


@pytest.mark.parametrize("args", ORDERS)
def test_a_command_takes_directory_overrides_and_flags_in_any_order(args: list[str]) -> None:
    """Also a value that begins with a dash."""
    flags, words = _scoring().parse_words(args)
    directory, overrides = split_directory(words)
    line = command_line(flags, overrides)
    assert flags.json
    assert directory == Path("outputs/run").resolve()
    assert (line.overrides, line.config_dirs) == (("judge.votes=3", "+judge.x=-1"), ("mine",))


@pytest.mark.parametrize("name", ["0_assistant.model=local-agent", "+more", "~less"])
def test_a_folder_may_be_called_what_it_likes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What stands first and is a folder is the directory; what follows is none, although such a folder is there."""
    for folder in (name, "seed=2"):
        (tmp_path / "sweep" / folder).mkdir(parents=True)
    assert split_directory([str(tmp_path / "sweep" / name), "seed=1"]) == (tmp_path / "sweep" / name, ["seed=1"])
    monkeypatch.chdir(tmp_path / "sweep")
    assert split_directory([name, "seed=2"]) == (tmp_path / "sweep" / name, ["seed=2"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--jsno"], "score: --jsno: unknown flag; did you mean '--json'?"),
        (["--config-dir"], "score: --config-dir/-cd: needs a value after it"),
        (["--json=2"], "score: --json: takes no value, found '2'"),
        (["--form", "tabel"], "score: --form: 'tabel' is not an option; did you mean 'table'?; options: text, table"),
        (["--votes", "x"], "score: --votes: 'x' is not allowed; expected a whole number"),
    ],
)
def test_a_mistake_is_told_in_one_line(args: list[str], message: str) -> None:
    """What was found, what is allowed, and how the command is called."""
    with pytest.raises(ConfigError) as caught:
        _scoring().parse_words(args)
    assert caught.value.problems == (f"{message}; evalkit score DIR [--json] (evalkit score --help)",)


def test_every_unknown_flag_is_named_at_once() -> None:
    """Also one that argparse would take for the beginning of another."""
    with pytest.raises(ConfigError) as caught:
        _scoring().parse_words(["-c", "job", "--js"])
    assert [problem.partition(": unknown flag")[0] for problem in caught.value.problems] == ["score: -c", "score: --js"]
