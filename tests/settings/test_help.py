"""Help and old flags."""

from evalkit.cli import COMMANDS
from evalkit.compose.launchers import LAUNCHERS
from evalkit.settings.help import list_groups, list_launchers, render_help, translate_old_flags


def test_a_flag_with_its_value_attached_is_understood() -> None:
    """--chunk-ms=40 and --chunk-ms 40 are the same wish."""
    assert translate_old_flags(["--chunk-ms=40"]) == translate_old_flags(["--chunk-ms", "40"])


def test_all_old_flags_are_answered_at_once() -> None:
    """One line each."""
    assert len(translate_old_flags(["--max-examples", "1", "--real-time", "--model", "x"])) == 3


def test_a_flag_with_several_values_becomes_one_line() -> None:
    """Several models are a sweep, one is a run, and all tasks need no word."""
    assert translate_old_flags(["--models", "a", "b", "--samples", "2"]) == [
        "--models: evalkit has no such flag; write -m assistant.model=a,b",
        "--samples: evalkit has no such flag; write trials=2",
    ]
    assert translate_old_flags(["--models", "a"]) == ["--models: evalkit has no such flag; write assistant.model=a"]
    assert translate_old_flags(["--tasks", "x", "y"])[0].endswith("write mode=coding mode.tasks=[x,y]")
    assert translate_old_flags(["--tasks", "all"])[0].endswith("write mode=coding, which runs all tasks")


def test_help_lists_every_option_of_every_group() -> None:
    """What can be chosen is shown."""
    text = render_help(COMMANDS)
    for group, options in list_groups().items():
        assert group in text
        for option in options:
            assert option in text


def test_the_launchers_are_listed() -> None:
    """Those that have settings here, and no other."""
    assert list_launchers() == ["basic", *sorted(LAUNCHERS)]
    assert "hydra/launcher=basic | joblib" in render_help(COMMANDS)
