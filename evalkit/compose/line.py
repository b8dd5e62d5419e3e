"""The parts of a run's command line: overrides, ``-m``, ``--config-dir``, and questions that Hydra answers itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.errors import ConfigError
from evalkit.settings.help import translate_old_flags

_SWEEP = ("-m", "--multirun")
_CONFIG_DIR = ("--config-dir", "-cd")
# Hydra's own questions: flag -> whether a value follows.
_QUESTIONS = {
    "-c": True, "--cfg": True, "-p": True, "--package": True, "--resolve": False, "--info": True, "-i": True,
    "-sc": True, "--shell-completion": True, "--hydra-help": False,
}  # fmt: skip


@dataclass(frozen=True)
class CommandLine:
    """A parsed line. `questions` is not empty when Hydra is to print something instead of running."""

    overrides: tuple[str, ...]
    multirun: bool
    config_dirs: tuple[str, ...]
    questions: tuple[str, ...]


def parse_line(args: Sequence[str]) -> CommandLine:
    """Return the parts of `args`. Raises ConfigError naming every flag that evalkit does not have."""
    overrides: list[str] = []
    config_dirs: list[str] = []
    questions: list[str] = []
    problems = translate_old_flags(args)
    if problems:
        raise ConfigError(problems)
    multirun = False
    waiting = list(args)
    while waiting:
        arg = waiting.pop(0)
        flag, _, inline = arg.partition("=")
        if arg in _SWEEP:
            multirun = True
        elif flag in _CONFIG_DIR:
            config_dirs.append(inline or _value_after(flag, waiting))
        elif flag in _QUESTIONS:
            questions += [arg] if inline or not _QUESTIONS[flag] else [arg, _value_after(flag, waiting)]
        elif arg.startswith("-"):
            problems.append(f"{arg}: unknown flag; evalkit takes key=value, and -m for a sweep (evalkit --help)")
        else:
            overrides.append(arg)
    if problems:
        raise ConfigError(problems)
    return CommandLine(tuple(overrides), multirun, tuple(config_dirs), tuple(questions))


def _value_after(flag: str, waiting: list[str]) -> str:
    if not waiting:
        raise ConfigError(f"{flag}: needs a value after it")
    return waiting.pop(0)
