"""Which environment variables a job needs, by name: jobs on other machines are given these, and no file has a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalkit.compose.job_configs import plain


def find_key_names(config: Any, further: Sequence[str]) -> list[str]:
    """Return the variables that hold the keys of a composed config's providers, and `further` ones; each once."""
    return sorted({*_key_names(plain(config)), *further})


def _key_names(node: Mapping[str, Any]) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _key_names(value)
        elif key.endswith("api_key_env") and value is not None:
            yield str(value)
