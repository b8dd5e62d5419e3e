"""Keys from a file ``.env`` in the working directory; the shell's own variables win.

Only the variables that a config names as holding a key (``api_key_env``, ``auth_token_env``) are taken, into this
process's environment and into nothing else: a file that came with somebody's repository can set no ``PATH`` and no
``PYTHONPATH``, and no value is ever written anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError

# python-dotenv would be a dependency for these three lines, and expands ${…} by default, which no key wants.
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(?P<value>.*?)\s*")
_QUOTED = re.compile(r"""'(?P<plain>[^']*)'|"(?P<escaped>(?:[^"\\]|\\.)*)\"""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
FILE_NAME = ".env"
_NAMES_A_KEY = ("api_key_env", "auth_token_env")


def adopt_keys(config: Mapping[str, Any], working_dir: Path, environ: MutableMapping[str, str]) -> None:
    """Put the keys that `config` names and `environ` has not into `environ`, from the file in `working_dir`.

    Raises ConfigError for a file that cannot be read.
    """
    missing = [name for name in dict.fromkeys(_key_names(config)) if name not in environ]
    path = working_dir / FILE_NAME
    if not missing or not path.is_file():
        return
    try:
        found = parse_dotenv(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{path}: cannot be read ({reason}); expected lines like NAME=VALUE") from None
    environ.update({name: found[name] for name in missing if name in found})


def parse_dotenv(text: str) -> dict[str, str]:
    r"""Return the variables of a ``.env`` file; of two lines for one name the later counts, others are passed over.

    ``export NAME=VALUE`` is the same as ``NAME=VALUE``. A value ends at `` #``, unless it is quoted: in single quotes
    as it stands, in double quotes with ``\n`` and the like. Nothing is expanded.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        assigned = _LINE.fullmatch(line)
        if assigned:
            value = assigned["value"]
            quoted = _QUOTED.match(value)
            found[assigned["name"]] = _unquoted(quoted) if quoted else re.split(r"(?:^|\s)#", value)[0].rstrip()
    return found


def _unquoted(quoted: re.Match[str]) -> str:
    if quoted["plain"] is not None:
        return quoted["plain"]
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), quoted["escaped"])


def _key_names(node: Mapping[str, Any]) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _key_names(value)
        elif key.endswith(_NAMES_A_KEY) and isinstance(value, str):
            yield value
