"""What stands on a line, by argparse: a command's flags, and words, which are directories, names and overrides."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from evalkit.errors import ConfigError
from evalkit.settings.help import translate_old_flags
from evalkit.settings.names import did_you_mean

# How argparse says it, and how we do.
_OUR_WORDS = (
    (r"^argument ", ""),
    (r"expected one argument$", "needs a value after it"),
    (r"invalid int value: (.*)$", r"\1 is not allowed; expected a whole number"),
    (r"invalid float value: (.*)$", r"\1 is not allowed; expected a number"),
    (r"ignored explicit argument (.*)$", r"takes no value, found \1"),
    (r"not allowed with argument (.*)$", r"excludes \1; write one of them"),
)
_SWEEP = ("-m", "--multirun")
# Hydra's own questions, which have a value, and those that have none.
_ASKED_ABOUT = (("-c", "--cfg"), ("-p", "--package"), ("-i", "--info"), ("-sc", "--shell-completion"))
_ASKED = ("--resolve", "--hydra-help")
_NOT_KNOWN = "unrecognized arguments: "


@dataclass(frozen=True)
class CommandLine:
    """What a line composes. `questions` is not empty when Hydra is to print something instead of running."""

    overrides: tuple[str, ...]
    multirun: bool = False
    config_dirs: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


class LineParser(argparse.ArgumentParser):
    """The flags of one command. What is wrong is a ConfigError in our words; nothing here ends the process.

    Args:
        prog: How the command is called: ``evalkit report``.
        usage: What it takes, as messages show it: ``evalkit report DIR … [--output DIR]``. Without it, argparse
            answers ``--help`` itself.
        description: The first line of that answer.

    """

    def __init__(self, prog: str, usage: str | None = None, description: str | None = None) -> None:
        super().__init__(prog, usage, description, allow_abbrev=False, add_help=usage is None)
        self._limits = ""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with what is wrong and what the command takes."""
        if message.startswith(_NOT_KNOWN):
            words = message.removeprefix(_NOT_KNOWN).split()
            flags = [word for word in words if word.startswith("-")]
            message = self._explain_unknown(flags[0]) if flags else f"{words[0]!r} is not a flag"
        for theirs, ours in _OUR_WORDS:
            message = re.sub(theirs, ours, message)
        raise ConfigError(self._in_full(message))

    def parse_words(self, args: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        """Return the flags in `args` and all that is none, in its order. Raises ConfigError for every unknown flag."""
        problems = translate_old_flags(args)
        if problems:
            raise ConfigError(problems)
        flags, rest = self.parse_known_args(list(args))
        unknown = [word for word in rest if word.startswith("-")]
        if unknown:
            raise ConfigError([self._in_full(self._explain_unknown(word)) for word in unknown])
        return flags, rest

    def take_overrides(self, *, sweep: bool = False, questions: bool = False, limits: str = "") -> None:
        """Let the line compose a config: with ``--config-dir``, and where told with ``-m`` and Hydra's questions.

        `limits` says to who writes those elsewhere what the command does instead.
        """
        self._limits = limits
        self.set_defaults(multirun=False, questions=[])
        self.add_argument("--config-dir", "-cd", dest="config_dirs", action="append", default=[])
        if sweep:
            self.add_argument(*_SWEEP, action="store_true")
        if questions:
            for names in _ASKED_ABOUT:
                self.add_argument(*names, dest="questions", action=_Question)
            for name in _ASKED:
                self.add_argument(name, dest="questions", action=_Question, nargs=0)

    def _explain_unknown(self, word: str) -> str:
        known = [name for action in self._actions for name in action.option_strings]
        flag = word.partition("=")[0]
        if self._limits and flag in (*_SWEEP, *_ASKED, *(name for names in _ASKED_ABOUT for name in names)):
            return f"{flag}: leave it out; {self._limits}"
        return f"{flag}: unknown flag{did_you_mean(flag, known)}"

    def _in_full(self, message: str) -> str:
        command = self.prog.partition(" ")[2]
        where = f"{self.usage} ({self.prog} --help)" if self.usage else f"{self.prog} --help says what it takes"
        return f"{command}: {message}; {where}" if command else f"{message}; {where}"

    def _get_option_tuples(self, option_string: str) -> list[Any]:  # noqa: ARG002
        return []  # a flag is written in full: to argparse -c is short for -cd

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            options = [str(option) for option in action.choices]
            hint = did_you_mean(str(value), options)
            raise argparse.ArgumentError(action, f"{value!r} is not an option{hint}; options: {', '.join(options)}")


class _Question(argparse.Action):
    """Keeps a flag of Hydra's as it was typed, with its value."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        namespace.questions = [*namespace.questions, option_string, *([values] if isinstance(values, str) else [])]


def command_line(flags: argparse.Namespace, overrides: Iterable[str]) -> CommandLine:
    """Return what `overrides` compose, with the flags of a parser that takes them."""
    return CommandLine(tuple(overrides), flags.multirun, tuple(flags.config_dirs), tuple(flags.questions))


def parse_line(args: Sequence[str]) -> CommandLine:
    """Return the parts of a run's line. Raises ConfigError naming every flag that evalkit does not have."""
    parser = LineParser("evalkit", "evalkit [-m] [key=value …]")
    parser.take_overrides(sweep=True, questions=True)
    return command_line(*parser.parse_words(args))


def split_directory(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Return the directory among `words`, and the others: overrides.

    It is the first word where that is a folder, whatever characters its name has; else the first that is no override.
    """
    first = next((word for word in words[:1] if folder_at(word).is_dir()), None)
    chosen = first or next((word for word in words if not _is_override(word)), None)
    if chosen is None:
        return None, list(words)
    place = words.index(chosen)
    return folder_at(chosen), [*words[:place], *words[place + 1 :]]


def folder_at(word: str) -> Path:
    """Return the folder that `word` names, whether there is one or not."""
    return Path(os.path.expanduser(word)).resolve()  # noqa: PTH111  Path's own raises where ~NAME is no user


def _is_override(word: str) -> bool:
    return "=" in word or re.match(r"\+|~(?!/)", word) is not None
