"""Everything that can be read from an utterance without knowing the tools: done once, used by every field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from evalkit.service.brain.rules.language.amounts import Amount, read_amounts
from evalkit.service.brain.rules.language.contacts import read_addresses, read_emails, read_streets
from evalkit.service.brain.rules.language.corrections import correction_points
from evalkit.service.brain.rules.language.dates import DateReading, read_dates
from evalkit.service.brain.rules.language.ids import IdRun, read_ids
from evalkit.service.brain.rules.language.lexicon import weigh_ideas
from evalkit.service.brain.rules.language.phrases import Chunk, proper_phrases
from evalkit.service.brain.rules.language.times import OpenHours, TimeReading, read_times, when_open
from evalkit.service.brain.rules.language.words import Span, SpokenText, read_words


@dataclass(frozen=True)
class Reading:
    """An utterance and what stands in it.

    Attributes:
        said: The utterance.
        is_heard: Whether a recogniser wrote it down.
        today: Today's date, where the instructions give it.
        ideas: For each token, the ideas it takes part in, and how clearly it says them.
        dates: Dates.
        times: Times of day that are not part of a date or an address.
        amounts: Numbers.
        ids: Runs of spelled characters that are not part of a date, a time, an e-mail or an address.
        emails: E-mail addresses.
        addresses: Street addresses.
        streets: Streets without a house number, outside of addresses.
        names: Capitalised phrases outside of all of these.
        corrections: Tokens at which the caller takes something back.

    """

    said: SpokenText
    is_heard: bool
    today: date | None
    ideas: tuple[Mapping[str, float], ...]
    dates: tuple[DateReading, ...]
    times: tuple[TimeReading, ...]
    amounts: tuple[Amount, ...]
    ids: tuple[IdRun, ...]
    emails: tuple[Span, ...]
    addresses: tuple[Span, ...]
    streets: tuple[Span, ...]
    names: tuple[Chunk, ...]
    corrections: tuple[int, ...]

    @property
    def taken(self) -> tuple[Span, ...]:
        """What is surely no name and no thing."""
        return (
            *self.emails,
            *self.addresses,
            *(Span(one.start, one.end, None) for one in self.dates),
            *(Span(one.start, one.end, None) for one in self.times if one.sure or one.half),
            *(Span(one.start, one.end, None) for one in self.ids if len(one.text) > 2),
            *(Span(one.start, one.end, None) for one in self.amounts if one.money),
        )


def _free(runs: list[IdRun], *blocked: tuple[Span, ...]) -> tuple[IdRun, ...]:
    """Return the runs without the elements that belong to something else."""
    spans = [span for group in blocked for span in group]
    free = []
    for run in runs:
        elements = tuple(
            one for one in run.elements if not any(one.start < span.end and span.start < one.end for span in spans)
        )
        if elements:
            free.append(IdRun(elements))
    return tuple(free)


@lru_cache(maxsize=1_000)
def read_utterance(
    text: str, today: date | None, opening: tuple[OpenHours, ...] = (), *, is_heard: bool = False
) -> Reading:
    """Return what stands in `text`.

    Args:
        text: The utterance.
        today: The date from which dates are counted.
        opening: When the one who is called is open, which tells of a time what half of the day it is.
        is_heard: Whether a recogniser wrote `text` down.

    """
    said = read_words(text)
    emails = tuple(read_emails(said))
    addresses = tuple(read_addresses(said))
    dates = tuple(read_dates(said, today))
    date_spans = tuple(Span(one.start, one.end, None) for one in dates)
    times = tuple(
        one
        for one in (when_open(one, opening) for one in read_times(said))
        if not any(one.start < span.end and span.start < one.end for span in (*date_spans, *addresses))
    )
    sure_times = tuple(Span(one.start, one.end, None) for one in times if one.sure or one.half)
    ids = _free(read_ids(said), emails, addresses, date_spans, sure_times)
    id_spans = tuple(Span(run.start, run.end, None) for run in ids)
    return Reading(
        said=said,
        is_heard=is_heard,
        today=today,
        ideas=weigh_ideas(tuple(token.stem for token in said.tokens)),
        dates=dates,
        times=times,
        amounts=tuple(read_amounts(said)),
        ids=ids,
        emails=emails,
        addresses=addresses,
        streets=tuple(one for one in read_streets(said) if not any(one.overlaps(span) for span in addresses)),
        names=tuple(proper_phrases(said, (*emails, *addresses, *date_spans, *id_spans))),
        corrections=tuple(correction_points(said)),
    )
