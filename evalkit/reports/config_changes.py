"""Where the configs of two runs differ, and which of it was not meant to be compared.

Files are compared by content, wherever they lie. What only says where a run lies, how it is shown, how fast it was
worked off or when it gives up is no difference, nor is what an older version stored and the mode never asked for. Of
what is left, these are taken to be what a comparison is about: the keys that were named, else the only key that
differs, else everything below ``assistant``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.settings.renamed import with_new_names
from evalkit.settings.roles import ROLES
from evalkit.settings.schemas import DEFAULT_INPUT, key_at, mode_names

_SUBJECT = ("assistant",)
# Nodes and keys that change no result.
_IDLE = (
    "output_dir", "run_name", "report", "gate", "concurrency", "limits", "trace", "voice", "conformance",
    "judge.calibration_file", "service.keep_alive_s", "tool_host.bind", "tool_host.port", "tool_host.public_url",
)  # fmt: skip
# A role's model and provider are resolved; these only said what they would be by default.
_DEFAULTS = tuple(f"{node}.models" for node in ("provider", *(f"{role}.provider" for role in ROLES)))
_ABSENT = "(no such key)"
# A key that came since -> what held in every run that was made before it.
_BEFORE_IT = {
    "input": DEFAULT_INPUT,
    "service.brain": "rules",
    "service.brain_tools": "native",
    "target.kind": "realtime",
    "tool_host.enabled": False,
    **{f"{node}.text_api": "responses" for node in ("provider", *(f"{role}.provider" for role in ROLES))},
}


@dataclass(frozen=True)
class ConfigChange:
    """One key that differs. `expected`: it is what the comparison is about."""

    key: str
    before: Any
    after: Any
    expected: bool


def find_config_changes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    hashes: tuple[Mapping[str, str], Mapping[str, str]],
    expect: Sequence[str] = (),
) -> list[ConfigChange]:
    """Return every key of two resolved configs that differs in something that may change a result.

    Args:
        before: The first run's config.
        after: The second run's.
        hashes: Of each run, the content hash of each file that it read, by path.
        expect: Keys, or nodes, that are meant to differ; empty: see the module.

    """
    first, second = (_settings(config) for config in (before, after))
    differing = [
        key
        for key in dict.fromkeys([*first, *second])
        if not _below(key, (*_IDLE, *_DEFAULTS))
        and _content(first.get(key, _ABSENT), hashes[0]) != _content(second.get(key, _ABSENT), hashes[1])
        and not _is_relic(key, first, second)
    ]
    subject = tuple(expect) or (tuple(differing) if len(differing) == 1 else _SUBJECT)
    return [
        ConfigChange(
            key,
            _shown(first.get(key, _ABSENT), hashes[0]),
            _shown(second.get(key, _ABSENT), hashes[1]),
            _below(key, subject),
        )
        for key in differing
    ]


def result_settings(config: Mapping[str, Any], hashes: Mapping[str, str], *, but: Sequence[str]) -> dict[str, Any]:
    """Return what of a resolved config may change a result, by dotted key, files by content.

    Args:
        config: The run's.
        hashes: The content hash of each file that it read, by path.
        but: Keys and nodes to leave out.

    """
    left_out = (*_IDLE, *_DEFAULTS, *but)
    return {key: _content(value, hashes) for key, value in _settings(config).items() if not _below(key, left_out)}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**_BEFORE_IT, **_flatten(with_new_names(config))}


def _is_relic(key: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Tell whether only one run has `key`, and that decided nothing or is told already.

    It may be older, and their mode does not ask for the key; or one was held in writing, and the other has what sound
    needs.
    """
    mode = first.get("mode.name")
    is_one_sided = (key in first) != (key in second)
    if is_one_sided and key != "input" and _input(first) != _input(second):
        return True
    return is_one_sided and mode == second.get("mode.name") and mode in mode_names() and key_at(key, mode) is None


def _input(flat: Mapping[str, Any]) -> Any:
    return flat.get("input", DEFAULT_INPUT)


def _flatten(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= _flatten(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _below(key: str, nodes: Sequence[str]) -> bool:
    return any(key == node or key.startswith(f"{node}.") for node in nodes)


def _content(value: Any, hashes: Mapping[str, str]) -> Any:
    return hashes.get(value, value) if isinstance(value, str) else value


def _shown(value: Any, hashes: Mapping[str, str]) -> Any:
    """Return a value for people: a file with the beginning of its hash, since its name may be the same in both runs."""
    return f"{value} (sha256 {hashes[value][:8]})" if isinstance(value, str) and value in hashes else value
