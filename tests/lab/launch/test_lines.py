"""A typed line is read as a shell reads it."""

from __future__ import annotations

import shlex

import pytest

from evalkit.errors import ConfigError
from evalkit.lab.launch.lines import TypedLine, as_value, read_line


def test_what_stands_on_a_line() -> None:
    """With or without the program's name, on several lines, quoted or not."""
    assert read_line("evalkit max_examples=2 'run_name=\"a, b\"'") == TypedLine(("max_examples=2", 'run_name="a, b"'))
    assert read_line("-m chunk_ms=20,60 \\\n  channel=clean") == TypedLine(
        ("chunk_ms=20,60", "channel=clean"), multirun=True
    )
    assert read_line("evalkit rerun outputs/a -m seed=1,2") == TypedLine(
        ("seed=1,2",), multirun=True, rerun="outputs/a"
    )
    assert read_line("") == TypedLine(())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("evalkit 'a=1", "close every quote"),
        ("evalkit resume outputs/a", "'resume': is not key=value"),
        ("evalkit --config-dir /etc a=1", "--config-dir: the lab takes no flag but -m"),
        ("evalkit rerun", "rerun needs a run's directory"),
    ],
)
def test_what_is_no_line_of_ours(line: str, told: str) -> None:
    """Each with what to do."""
    with pytest.raises(ConfigError, match=told):
        read_line(line)


@pytest.mark.parametrize("text", ["plain/a_1.csv", "a b", "it's", 'a"b', "a,b", "back\\slash", "end\\", "\\'", "1e5=x"])
def test_any_text_is_one_value(text: str) -> None:
    """As Hydra's grammar reads it."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(f"key={as_value(text)}")
    value = override.value()
    assert not override.is_sweep_override()
    assert getattr(value, "text", value) == text
    assert shlex.split(shlex.join([f"key={as_value(text)}"])) == [f"key={as_value(text)}"]
