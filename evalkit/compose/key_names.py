"""Which environment variables a job needs, by name: jobs on other machines are given these, and no file has a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalkit.compose.job_configs import plain
from evalkit.object_storage.addresses import is_address

_OF_STORAGE = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "GOOGLE_APPLICATION_CREDENTIALS",
    "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY",
)  # fmt: skip


def find_key_names(config: Any, further: Sequence[str]) -> list[str]:
    """Return the variables that hold the keys of a composed config's providers, and `further` ones; each once.

    Where runs are kept on object storage, those are among them that say where it is and who asks.
    """
    composed = plain(config)
    storage = _OF_STORAGE if is_address(str(composed.get("output_dir"))) else ()
    return sorted({*_key_names(composed), *storage, *further})


def _key_names(node: Mapping[str, Any]) -> Iterator[str]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _key_names(value)
        elif key.endswith("api_key_env") and value is not None:
            yield str(value)
