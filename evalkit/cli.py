"""argv -> a command or a Hydra line; the only place that prints errors and picks exit codes.

A bare first word is a command, since it can never be a Hydra override; everything else is a run. Nothing heavy is
imported here: ``--version`` and ``--help`` answer before Hydra is loaded.

==== ==================================================================================================
exit meaning
==== ==================================================================================================
0    all well (a poor assistant is a result, not an error)
1    a gate was missed, or ``compare`` found a regression
2    the config or the data is wrong; nothing was started, nothing is left behind
3    cases were lost to infrastructure beyond the allowed share, the disk is full, object storage
     did not take the results, the embedded provider did not start, or a cluster's queue did not answer, or
     begin jobs, in time
4    the budget was reached
70   a defect of evalkit's own
130  interrupted
==== ==================================================================================================
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import evalkit
from evalkit.errors import ConfigError, ServiceStartError, StorageError, UserError
from evalkit.heap import growing_heap

# Command -> what it does; `evalkit.commands.<name>.main(args) -> exit code`.
COMMANDS = {
    "calibrate": "[judge.model=…]: agreement of the judge with a labelled set",
    "check": "compose and validate config and data, call nobody",
    "resume": "RUN_DIR|SWEEP_DIR [limits.… …]: finish an interrupted or partly failed run, pay for nothing twice",
    "compare": "RUN_A RUN_B: what changed from one run to the other, case by case, for CI too",
    "rerun": "RUN_DIR [key=value …]: a new run from a stored config",
    "score": "RUN_DIR [key=value …]: grade the stored records again, by other rules",
    "report": "DIR …: tables, pictures and pages again, of a run or a sweep, or of several side by side",
    "lab": "[DIR …]: every run in one web application: launched, watched live, compared, reviewed and ranked",
    "new": "NAME mode=MODE: a folder of one's own to start from",
    "voice": "make walk recordings (G.711 WAV) and their CSV from a crawl CSV",
    "tools": "SIMULATION: its mocked tools over MCP and as webhooks, for an agent of one's own, until Ctrl-C",
    "service": "the embedded provider on its own, as a loopback OpenAI-compatible server",
}

# Commands that take addresses on object storage for directories -> what they do with what lies there.
_TAKE_ADDRESSES = {
    "check": "reads",
    "compare": "reads",
    "rerun": "reads",
    "report": "reports",
    "resume": "goes_on",
    "score": "goes_on",
}

_HELP = ("-h", "--help")

EXIT_INFRASTRUCTURE = 3
EXIT_DEFECT = 70
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (default: the process's) and return its exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    with suppress(ValueError):  # only the main thread may; a request to end is an interruption
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        with growing_heap():
            code = _dispatch(args)
    except KeyboardInterrupt:
        print("evalkit: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last line of defence says whose fault it is
        code = _answer(error)
    if argv is None:  # the interpreter takes its time to end, in which one Ctrl-C more must not change the exit code
        with suppress(ValueError):
            signal.signal(signal.SIGINT, lambda *_: os._exit(code))
    return code


def _answer(error: Exception) -> int:
    """Say what `error` means, and return its exit code."""
    match error:
        case UserError():
            for problem in error.problems:
                print(f"evalkit: {problem}", file=sys.stderr)
            return 2
        case ServiceStartError() | StorageError():
            print(f"evalkit: {error}", file=sys.stderr)
            return EXIT_INFRASTRUCTURE
        case BrokenPipeError():
            sys.stderr.close()
            return 0
        case OSError():
            print(f"evalkit: {_explain_os_error(error)}", file=sys.stderr)
            return 2
    traceback.print_exception(error)
    print("evalkit: this is a defect of evalkit; please report it with the lines above", file=sys.stderr)
    return EXIT_DEFECT


def _explain_os_error(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"the working directory cannot be used ({reason}); change to another" if _is_lost() else reason
    return f"{error.filename}: {reason}; it must exist, and be open to you for reading and writing"


def _is_lost() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def _interrupt(*_: object) -> None:
    """End as Ctrl-C does, through the event loop where one runs; also where a shell has made us deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _dispatch(args: list[str]) -> int:
    if args[:1] and args[0] in ("-m", "--multirun") and args[1:2] and args[1] in COMMANDS:
        args = [args[1], args[0], *args[2:]]
    first = args[0] if args else ""
    if first == "--version":
        print(evalkit.__version__)
        return 0
    asks_for_help = first in COMMANDS and first != "service" and any(arg in _HELP for arg in args)
    if first in (*_HELP, "help") or asks_for_help:
        from evalkit.settings.help import render_help

        own = import_module(f"evalkit.commands.{first}").__doc__ if asks_for_help else None
        print(own.replace("``", "").rstrip() if own else render_help(COMMANDS, args[1:]))
        return 0
    if first in COMMANDS:
        command = import_module(f"evalkit.commands.{first}").main
        if first in _TAKE_ADDRESSES and any("://" in arg for arg in args):
            from evalkit.runner.remote_folders import AddressUse, call_with_folders

            return int(call_with_folders(command, args[1:], AddressUse(_TAKE_ADDRESSES[first])))
        return int(command(args[1:]))
    if first and _is_bare_word(first):
        raise ConfigError(_explain_bare_word(first))
    return int(import_module("evalkit.commands.run").main(args))


def _is_bare_word(text: str) -> bool:
    return "=" not in text and not text.startswith(("-", "+", "~"))


def _explain_bare_word(word: str) -> str:
    from evalkit.settings.names import did_you_mean
    from evalkit.settings.schemas import mode_names

    if word in mode_names():
        return f"{word!r} is not a command; to choose a mode write: evalkit mode={word}"
    known = [*COMMANDS, *(f"mode={mode}" for mode in mode_names())]
    return (
        f"{word!r} is neither a command nor key=value{did_you_mean(word, known)}; "
        f"commands: {', '.join(COMMANDS)}; evalkit --help shows all keys"
    )
