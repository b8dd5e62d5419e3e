"""The parts of a run's command line."""

import pytest

from evalkit.compose.line import parse_line
from evalkit.errors import ConfigError


def test_overrides_flags_and_questions_are_told_apart() -> None:
    """In any order."""
    line = parse_line(["-m", "chunk_ms=20,40", "--config-dir", "mine", "-c", "job", "mode=crawl", "--resolve"])
    assert line.multirun
    assert line.overrides == ("chunk_ms=20,40", "mode=crawl")
    assert line.config_dirs == ("mine",)
    assert line.questions == ("-c", "job", "--resolve")


@pytest.mark.parametrize("args", [["--config-dir"], ["-c"], ["-x"], ["--chunk-ms", "40"]])
def test_a_wrong_flag_is_a_config_error(args: list[str]) -> None:
    """Never passed on to Hydra's own usage page."""
    with pytest.raises(ConfigError):
        parse_line(args)
