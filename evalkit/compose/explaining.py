"""Hydra's and OmegaConf's exceptions in words that help."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from evalkit.errors import ConfigError
from evalkit.settings.renamed import renaming_problem
from evalkit.settings.schemas import key_at

_UNFIT_PRESET = re.compile(
    r"In '(?P<group>\w+)/(?P<option>[^']+)': Could not override '(?P<chosen>[^']+)'. No match in the defaults list"
)

# A mistake that our own resolvers have found, also in another process: said already as it should be.
_FOUND_BY_US = re.compile(r"ConfigError raised while resolving interpolation: (?P<problem>.+)")


@contextmanager
def explained() -> Iterator[None]:
    """Turn Hydra's and OmegaConf's exceptions into ConfigError, without search paths and without a traceback."""
    saved = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_first_lines(error)) from error
    finally:
        if saved is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = saved


def _first_lines(error: BaseException) -> str:
    """Return the words of `error` and its causes that help: the key it is about, and the reason."""
    chain = [error]
    while chain[-1].__cause__ or chain[-1].__context__:
        chain.append(chain[-1].__cause__ or chain[-1].__context__ or error)
    if found := next((match for link in chain if (match := _FOUND_BY_US.search(str(link)))), None):
        return found["problem"]
    full_key = next((key for link in chain if (key := getattr(link, "full_key", None))), None)
    renamed = renaming_problem(full_key, "…") if full_key else None
    if renamed is not None:
        return renamed
    if full_key and "is not in struct" in str(error.__cause__ or error) and key_at(str(full_key)) is not None:
        return f"{full_key}: the map has no such entry yet; add it with +{full_key}=VALUE"
    lines = [line.strip() for line in str(error.__cause__ or error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(("full_key", "object_type", "reference_type"))]
    message = " ".join(kept).split("Config search path")[0].strip()
    if unfit := _UNFIT_PRESET.match(message):
        return f"{unfit['group']}={unfit['option']}: chooses {unfit['chosen']}, which this mode, or its input, has not"
    return f"{full_key}: {message}" if full_key else message
