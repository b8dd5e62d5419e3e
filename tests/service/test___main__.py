"""The command line of ``python -m evalkit.service``."""

from __future__ import annotations

import pytest

from evalkit.commands.service import main as service_command
from evalkit.service.__main__ import main


def test_help(capsys):
    """The help names every option."""
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for option in ("--host", "--port", "--speech", "--transcription", "--base-url", "--api-key-env", "--require-key"):
        assert option in shown


def test_an_unknown_engine(capsys):
    """An engine that does not exist is refused with the ones that do."""
    with pytest.raises(SystemExit) as left:
        main(["--speech", "bob"])
    assert left.value.code == 2
    assert "hibari" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speech", "openai"], "service.base_url"),
        (["--brain", "chat"], "service.brain_url"),
        (["--brain-url", "http://h/v1"], "(--brain-url): only service.brain=chat (--brain chat) asks an endpoint"),
        (
            ["--brain", "chat", "--brain-url", "http://h/v1", "--brain-api-key-env", "NO_SUCH_KEY"],
            "NO_SUCH_KEY is not set",
        ),
        (["--require-key", "EVALKIT_TEST_NO_SUCH_KEY"], "EVALKIT_TEST_NO_SUCH_KEY is not set"),
        (["--brain", "chat", "--brain-url", "http://["], "--brain-url): is not a URL"),
        (["--brain", "chat", "--brain-url", "http://h/v1", "--brain-options", "t=0"], "is not a JSON object"),
        (
            [
                "--transcription",
                "openai",
                "--base-url",
                "http://x/v1",
                "--transcription-model",
                "m",
                "--api-key-env",
                "EVALKIT_TEST_NO_KEY",
            ],
            "EVALKIT_TEST_NO_KEY is not set",
        ),
    ],
)
def test_wrong_options(arguments, message, capsys):
    """What cannot be started is one message on stderr and exit code 2, without a traceback."""
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown


def test_it_is_called_as_people_call_it(capsys):
    """`evalkit service --help` speaks of `evalkit service`, without the options that only evalkit itself uses."""
    with pytest.raises(SystemExit) as left:
        service_command(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: evalkit service")
    assert "--use-file" not in shown


def test_stopping_warm_services_where_there_are_none(capsys, monkeypatch, tmp_path):
    """Nothing to stop is no error, and is said."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    assert main(["--stop"]) == 0
    assert "0 warm services stopped" in capsys.readouterr().err
