"""What a call cost, by a dated table of list prices; a price that is not in the table is unknown, never 0.

The table is a JSON file (``data/prices.json`` ships): per model USD for 1M tokens of each kind (`text_input`,
`text_cached_input`, `text_output`, `audio_input`, `audio_cached_input`, `audio_output`), for 1M characters of spoken
text (`per_1m_characters`) or a minute of audio (`per_minute`). `snapshots` lists the dated names at the same price, a
name that ends in ``*`` stands for all names that begin so, and `free` says that a model costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.records.record import Usage

_COMMENTS = ("note", "source")


@dataclass(frozen=True)
class ModelPrice:
    """The prices of one model in USD; None where unknown or not applicable."""

    text_input: float | None = None
    text_cached_input: float | None = None
    text_output: float | None = None
    audio_input: float | None = None
    audio_cached_input: float | None = None
    audio_output: float | None = None
    per_1m_characters: float | None = None
    per_minute: float | None = None
    free: bool = False

    def cost_usd(self, usage: Usage) -> float | None:
        """Return what `usage` costs, or None when a price or a number of tokens that matters is unknown."""
        if self.free:
            return 0.0
        counts = self._count(usage)
        if counts is None:
            return None
        total = 0.0
        for kind, tokens in counts.items():
            price = getattr(self, kind)
            if tokens < 0 or (tokens > 0 and price is None):
                return None
            total += tokens * (price or 0.0) / 1_000_000
        return total

    def _count(self, usage: Usage) -> dict[str, int] | None:
        speaks = self.audio_input is not None or self.audio_output is not None
        spent = _split(usage.input_tokens, usage.input_text_tokens, usage.input_audio_tokens, speaks)
        made = _split(usage.output_tokens, usage.output_text_tokens, usage.output_audio_tokens, speaks)
        if spent is None or made is None:
            return None
        cached = usage.input_cached_tokens or 0
        cached_audio = usage.input_cached_audio_tokens
        if cached_audio is None:
            if cached and all(spent):
                return None
            cached_audio = cached if spent[1] else 0
        return {
            "text_input": spent[0] - (cached - cached_audio),
            "text_cached_input": cached - cached_audio,
            "audio_input": spent[1] - cached_audio,
            "audio_cached_input": cached_audio,
            "text_output": made[0],
            "audio_output": made[1],
        }


@dataclass(frozen=True)
class Prices:
    """A price table and the day it was true."""

    as_of: str
    models: Mapping[str, ModelPrice]

    def cost_usd(self, usage: Usage, model: str) -> float | None:
        """Return what `usage` of `model` costs; None when that cannot be known."""
        price = self.find(model)
        return None if price is None else price.cost_usd(usage)

    def speech_cost_usd(self, model: str, characters: int, duration_ms: float) -> float | None:
        """Return what speaking a text of `characters` in `duration_ms` costs; None when that cannot be known."""
        price = self.find(model)
        if price is not None and price.per_1m_characters is not None:
            return characters * price.per_1m_characters / 1_000_000
        return self.audio_cost_usd(model, duration_ms)

    def audio_cost_usd(self, model: str, duration_ms: float) -> float | None:
        """Return what `duration_ms` of audio cost with a model that is billed by the minute; None when unknown."""
        price = self.find(model)
        if price is None:
            return None
        if price.free:
            return 0.0
        return None if price.per_minute is None else duration_ms / 60_000 * price.per_minute

    def with_free(self, models: Iterable[str]) -> Prices:
        """Return the same table with `models` that cost nothing; one that has a price in it keeps that."""
        return replace(self, models={**dict.fromkeys(models, ModelPrice(free=True)), **self.models})

    def find(self, model: str) -> ModelPrice | None:
        """Return the prices of `model`, by its name or by the beginning of it."""
        if model in self.models:
            return self.models[model]
        return next(
            (price for name, price in self.models.items() if name.endswith("*") and model.startswith(name[:-1])), None
        )


def load_prices(path: Path, own: Path | None = None) -> Prices:
    """Return the prices in `path`, replaced by those in `own`. Raises DataError when a file is not a price table."""
    shipped = _read_prices(path)
    if own is None:
        return shipped
    further = _read_prices(own)
    # A name of theirs counts before a beginning of ours.
    return Prices(
        f"{shipped.as_of}, {own.name} {further.as_of}", {**further.models, **shipped.models, **further.models}
    )


def _read_prices(path: Path) -> Prices:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        models: dict[str, ModelPrice] = {}
        for name, entry in document["models"].items():
            price = _read_price(name, entry)
            models.update(dict.fromkeys([name, *entry.get("snapshots", ())], price))
        return Prices(str(document["as_of"]), models)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); expected a price table") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: is not a price table ({type(error).__name__}: {error}); see data/prices.json"
        ) from error


def _read_price(name: str, entry: Mapping[str, Any]) -> ModelPrice:
    known = {field.name for field in fields(ModelPrice)}
    values = {key: value for key, value in entry.items() if key not in (*_COMMENTS, "snapshots")}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{name}: unknown key {key!r}; known keys: {', '.join(sorted(known))}")
        if not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{name}: {key} is {value!r}, expected a number of USD")
    return ModelPrice(**values)


def _split(total: int | None, text: int | None, audio: int | None, speaks: bool) -> tuple[int, int] | None:
    """Return (text, audio) tokens; a missing part is the rest of the sum, None when that is unclear."""
    if text is None and audio is None:
        return None if total is None or (speaks and total) else (total, 0)
    if text is None or audio is None:
        if total is None:
            return None
        return (total - audio, audio) if audio is not None else (text or 0, total - (text or 0))
    return text, audio
