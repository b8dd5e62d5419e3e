"""Keys from .env: read as people write them, taken only where a config asks for them, shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import ConfigError
from evalkit.settings.dotenv import adopt_keys, parse_dotenv

CONFIG = {
    "provider": {"api_key_env": "MY_KEY"}, "judge": {"provider": {"api_key_env": None}}, "api_key_env": 7,
    "service": {"brain_api_key_env": "BRAIN_KEY"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("MY_KEY=sk-1", "sk-1"),
        ("  export MY_KEY = sk-1  ", "sk-1"),
        ("MY_KEY='sk 1 # $X'", "sk 1 # $X"),
        ('MY_KEY="sk\\n\\"1\\" # x" # the key', 'sk\n"1" # x'),
        ("MY_KEY=sk-1 # the key", "sk-1"),
        ("MY_KEY=sk#1", "sk#1"),
        ("MY_KEY=", ""),
        ("MY_KEY= # none yet", ""),
        ("MY_KEY=a=b", "a=b"),
        ("MY_KEY=$OTHER", "$OTHER"),
        ("MY_KEY=old\nMY_KEY=new", "new"),
        ("MY_KEY='open", "'open"),
        ("OTHER=x\r\nMY_KEY=sk-1\r\n", "sk-1"),
    ],
)
def test_a_line_is_read_as_a_shell_would(line: str, value: str) -> None:
    """Quotes, comments and `export`; nothing is expanded."""
    assert parse_dotenv(line)["MY_KEY"] == value


@pytest.mark.parametrize("line", ["# MY_KEY=x", "MY KEY=x", "1KEY=x", "MY_KEY", "=x", "", "export MY_KEY"])
def test_other_lines_are_passed_over(line: str) -> None:
    """A file for another tool too is no mistake."""
    assert parse_dotenv(line) == {}


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Without a crash, into names that are names."""
    assert all(name.isidentifier() for name in parse_dotenv(text))


def test_only_what_a_config_asks_for_is_taken(tmp_path: Path) -> None:
    """Whatever else stands there; and what the shell has set wins, be it empty."""
    (tmp_path / ".env").write_text("\ufeffMY_KEY=sk-1\nPATH=/evil\nOTHER=x\nBRAIN_KEY=sk-2\n", encoding="utf-8")
    environ: dict[str, str] = {}
    adopt_keys(CONFIG, tmp_path, environ)
    assert environ == {"MY_KEY": "sk-1", "BRAIN_KEY": "sk-2"}
    for own in ("mine", ""):
        environ = {"MY_KEY": own, "BRAIN_KEY": own}
        adopt_keys(CONFIG, tmp_path, environ)
        assert environ == {"MY_KEY": own, "BRAIN_KEY": own}


def test_without_a_file_or_a_question_nothing_happens(tmp_path: Path) -> None:
    """A folder of that name is no file, and a file that nobody needs may be anything."""
    environ: dict[str, str] = {}
    adopt_keys(CONFIG, tmp_path, environ)
    (tmp_path / ".env").mkdir()
    adopt_keys(CONFIG, tmp_path, environ)
    other = tmp_path / "other"
    other.mkdir()
    (other / ".env").write_bytes(b"\xff\xfe")
    adopt_keys({"provider": {"api_key_env": None}}, other, environ)
    assert environ == {}


def test_a_file_that_is_no_text_is_named_and_not_shown(tmp_path: Path) -> None:
    """Without any of its bytes."""
    (tmp_path / ".env").write_bytes(b"MY_KEY=sk-secret\xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text") as caught:
        adopt_keys(CONFIG, tmp_path, {})
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__suppress_context__
