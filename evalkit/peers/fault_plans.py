"""``service.faults`` as a run uses it: checked before anything starts, and the same text however it was written.

A file is read here and becomes the one line that means the same, so that the service, the stored config and every hash
know the plan by its content and never by a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.service.faults.plan import FILE_SUFFIX, parse_plan, read_plan
from evalkit.settings.documents import find_document_problems
from evalkit.settings.names import did_you_mean
from evalkit.settings.roles import ROLES


def settle_faults(resolved: dict[str, Any], working_dir: Path) -> None:
    """Put the plan's one line into the resolved config. Raises ConfigError for an invalid plan."""
    text = resolved["service"]["faults"]
    if text is None:
        return
    problems = _find_file_problems(text.strip(), working_dir)
    if problems:
        raise ConfigError(problems)
    plan = read_plan(text, working_dir)
    servers = {resolved[role]["provider"]["name"] for role in ROLES if role in resolved}
    if not servers & {"local", "replay"}:
        raise ConfigError(
            f"service.faults: {plan.line}, but no role is served by the embedded provider; "
            "leave it null, or choose provider=local"
        )
    # A replay commits the faults that were recorded and no others.
    resolved["service"]["faults"] = plan.line if "local" in servers else None


def find_unknown_cases(faults: str | None, keys: Sequence[str]) -> list[str]:
    """Return a message for every case-trial that the plan `faults` is to hit and that is not among `keys`.

    ``#3``, the third session of a client that does not say which case it holds, may always be named.
    """
    rules = parse_plan(faults).rules if faults else ()
    named = dict.fromkeys(str(case) for rule in rules if (case := rule.values.get("case")) is not None)
    return [
        f"service.faults: case {key!r} is not run{did_you_mean(key, keys)}; "
        f"max_examples, trials and the data decide which are ({len(keys)} here)"
        for key in named
        if key not in keys and not re.fullmatch(r"#\d+", key)
    ]


def _find_file_problems(text: str, working_dir: Path) -> list[str]:
    """Return the schema's complaints about a plan in a file; none where it cannot be read, which is reported later."""
    if not text.endswith(FILE_SUFFIX):
        return []
    path = working_dir / Path(text).expanduser()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [f"service.faults: {path}: {problem}" for problem in find_document_problems("faults", document, "rule")]
