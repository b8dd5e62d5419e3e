"""``evalkit lab [DIR …]``: every run in one web application: launched, watched live, compared, reviewed and ranked.

DIR: the folders whose runs it shows; ``outputs`` when none is named; an address on object storage is one too
(``s3://bucket/folder``). Runs that it launches go into the first. It answers to this machine only, and needs no
account; it ends with Ctrl-C, and the runs that it launched go on.

=========================== =========================================================================================
flag                        what it does
=========================== =========================================================================================
--port N                    the port, 8321; 0 takes a free one
--host ADDRESS              listens there: whoever reaches it needs the token, which is printed once
--new-token                 makes another token, and ends every session
--read-only                 nothing can be launched, stopped, tagged, noted or reviewed
--at-once N                 how many launched runs go at a time, 1; the others wait
--allow-paths               launched runs may name programs, and files outside the folders and the working directory
--reindex                   makes its index again before it answers
--home DIR                  its own folder: index, queue and secrets; ``.lab`` in the first folder
--no-browser                opens no browser
lab.database_url=URL        keeps the index in this database: postgresql+psycopg://USER@HOST/NAME
=========================== =========================================================================================
"""

from __future__ import annotations

import os
import sys
import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.compose.line import LineParser, folder_at
from evalkit.errors import ConfigError, collecting
from evalkit.lab.settings import HOME, LOOPBACK, PORT, LabSettings
from evalkit.lab.stored_folders import open_folder
from evalkit.object_storage.addresses import is_address
from evalkit.settings.names import did_you_mean

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

OUTPUTS = "outputs"
_PACKAGES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "websockets",
    "sqlalchemy",
    "watchfiles",
    "python_multipart",
    "pyarrow",
)
_URL_KEY = "lab.database_url"


def main(args: Sequence[str]) -> int:
    """Serve until interrupted. Raises ConfigError for what is wrong with the line, the folders or the address."""
    flags, words = _parser().parse_words(args)
    settings = _settle(flags, words)
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"evalkit lab needs packages that are not installed: {', '.join(missing)}; "
            "install them with: pip install '.[lab]'"
        )
    from evalkit.lab.index.queries import rebuild
    from evalkit.lab.serving import serve

    def say_where(lab: Lab) -> None:
        _say_where(lab, flags)

    if flags.reindex:
        print(f"{rebuild(settings)} runs indexed", file=sys.stderr)
    serve(settings, say_where)
    return 0


def _parser() -> LineParser:
    parser = LineParser("evalkit lab", "evalkit lab [DIR …] [--port N] [--read-only] [--no-browser]")
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--new-token", action="store_true")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--allow-paths", action="store_true")
    parser.add_argument("--reindex", action="store_true")
    parser.add_argument("--home", type=folder_at)
    parser.add_argument("--no-browser", action="store_true")
    return parser


def _settle(flags: Namespace, words: Sequence[str]) -> LabSettings:
    """Return what the line asks for; every problem is told at once."""
    folders: list[Path] = []
    problems: list[str] = []
    database_url = ""
    for word in words:
        key, is_key, value = word.partition("=")
        if is_key and key == _URL_KEY:
            database_url = value
        elif is_address(word):
            folders += filter(None, [collecting(problems, partial(open_folder, word, Path.cwd()))])
        elif is_key and not folder_at(word).exists():
            problems.append(f"lab: {key}: unknown key{did_you_mean(key, [_URL_KEY])}; {_URL_KEY}=URL is the only one")
        elif problem := _explain_folder(folder_at(word)):
            problems.append(problem)
        else:
            folders.append(folder_at(word))
    if not 0 <= flags.port <= 65535:
        problems.append(f"lab: --port {flags.port} is not allowed; expected 0 to 65535")
    if flags.at_once < 1:
        problems.append(f"lab: --at-once {flags.at_once} is not allowed; expected 1 or more")
    if problems:
        raise ConfigError(problems)
    folders = list(dict.fromkeys(folders)) or [folder_at(OUTPUTS)]
    return LabSettings(
        folders=tuple(folders),
        home=flags.home or folders[0] / HOME,
        working_dir=Path.cwd(),
        host=flags.host,
        port=flags.port,
        database_url=database_url,
        read_only=flags.read_only,
        allow_paths=flags.allow_paths,
        at_once=flags.at_once,
    )


def _explain_folder(folder: Path) -> str | None:
    """Return what is wrong with `folder`, or None for one that may hold runs."""
    if not folder.is_dir():
        return f"lab: {folder} is no folder; name one that holds runs, or none for {OUTPUTS}"
    if (folder / "provenance.json").exists() or (folder / "status.json").exists():
        return f"lab: {folder} is a run; name the folder that holds it: {folder.parent}"
    return None


def _say_where(lab: Lab, flags: Namespace) -> None:
    """Print the address, and the token where one was made just now; open a browser where there is one."""
    from evalkit.settings.addresses import Addresses

    url = Addresses(lab.settings.host, lab.settings.port).url
    print(f"{url}/ui/", flush=True)
    if lab.access.demanded and (flags.new_token or not lab.access.has_token()):
        print(f"token: {lab.access.make_token()}", flush=True)
        print("It is not shown again; --new-token makes another.", file=sys.stderr)
    if not flags.no_browser and _has_a_screen():
        webbrowser.open(f"{url}/ui/")


def _has_a_screen() -> bool:
    """Tell whether a browser opened here is seen: in a terminal without a screen, one would take the terminal."""
    needs_display = sys.platform not in ("win32", "darwin")
    return sys.stdout.isatty() and (not needs_display or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))))
