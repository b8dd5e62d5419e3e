"""The hash that tells whether a stored result can be used for a case-trial of another run."""

from __future__ import annotations

from evalkit.records.case import CaseTrial
from evalkit.records.json import JsonObject, content_sha256

# Changes when the same content would make another record; a new way to write records down does not change it.
_REUSE_VERSION = 1


def reuse_key(trial: CaseTrial, fingerprint: JsonObject) -> str:
    """Return the hash of case content, trial, seed and the settings that decide the record; never of paths."""
    return content_sha256(
        {
            "record_version": _REUSE_VERSION,
            "case": trial.case.sha256,
            "trial": trial.trial,
            "seed": trial.seed,
            "settings": fingerprint,
        }
    )
