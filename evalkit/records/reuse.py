"""The hash by which a result may stand for another run of the same case-trial."""

from __future__ import annotations

from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject, content_sha256

# Changes when the same content would make another record; a new way to write records down does not change it.
_REUSE_VERSION = 1


def reuse_key(trial: CaseTrial, effective: JsonObject) -> str:
    """Return the hash of case content, trial, seed and the settings that decide the record; never of paths."""
    return content_sha256(
        {
            "record_version": _REUSE_VERSION,
            "case": trial.case.sha256,
            "trial": trial.trial,
            "seed": trial.seed,
            "settings": effective,
        }
    )
