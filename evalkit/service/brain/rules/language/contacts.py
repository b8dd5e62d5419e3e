"""E-mail addresses, phone numbers and street addresses in an utterance."""

from __future__ import annotations

import re

from evalkit.service.brain.rules.language.ids import IdRun
from evalkit.service.brain.rules.language.lexicon import AUXILIARIES, DETERMINERS, FILLERS, PREPOSITIONS, PRONOUNS
from evalkit.service.brain.rules.language.numbers import UNITS, read_number
from evalkit.service.brain.rules.language.words import Span, SpokenText, word_set

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_GLUED = re.compile(r"\b(?P<local>[a-z0-9][\w.-]+?)at(?P<domain>[a-z0-9-]{3,}\.(?:com|org|net|edu|io))\b")
_SIGNS = {"dot": ".", "point": ".", "underscore": "_", "dash": "-", "hyphen": "-", "plus": "+"}
_ENDINGS = word_set("com org net edu gov io co uk de fr info biz us ca eu")
_NOT_LOCAL = AUXILIARIES | word_set("is it's email address my to at and for the send mail it use")
_STREETS = (
    "street st avenue ave road rd lane ln drive dr boulevard blvd court ct way place pl terrace square parkway pkwy "
    "highway hwy circle crescent close row trail alley loop path plaza walk grove hill gardens mews quay pike"
)
# Ours and not a library's: of the 26 addresses that the shipped cases and the test domains want, `usaddress` finds 7 in
# the sentences they stand in, this all of them.
STREETS = word_set(_STREETS)
_UNITS = word_set("apartment apt unit suite flat floor room building number sweet zip zipcode code postcode box po")
_STOPS = PRONOUNS | word_set(
    "please starting from on and is are so because but instead not by if for since then until beginning as before "
    "after where thanks thank sorry no when while tomorrow today starts with has have was my can could"
)
_PREPOSITIONS = frozenset({"in", "at", "of"})
_NOT_STREET = _STOPS | PREPOSITIONS | FILLERS


def read_emails(said: SpokenText) -> list[Span]:
    """Return the e-mail addresses, written or spoken ("john dot smith at example dot com"), in lower case."""
    found = []
    for index, token in enumerate(said.tokens):
        if _EMAIL.fullmatch(token.text):
            found.append(Span(index, index + 1, token.word.rstrip(".")))
        elif token.word == "at":
            spoken = _spoken_email(said, index)
            if spoken:
                found.append(spoken)
    return found or _run_together(said)


def _run_together(said: SpokenText) -> list[Span]:
    """Return the address that a recogniser wrote as one word: ``nina.westatexample.org``."""
    match = _GLUED.search(said.text.lower()) if {"email", "mail"} & set(said.words()) else None
    if match is None:
        return []
    places = [index for index, token in enumerate(said.tokens) if match.start() <= token.start < match.end()]
    return [Span(places[0], places[-1] + 1, f"{match['local']}@{match['domain']}")]


def _spoken_email(said: SpokenText, at: int) -> Span | None:
    end, domain = at + 1, ""
    while end < len(said.tokens) and end <= at + 6:
        word = said.word(end)
        if "@" in word or said.gap(end).strip(" .-"):
            return None
        if word in _SIGNS:
            domain += _SIGNS[word]
        else:
            domain += ("." if domain and said.gap(end) == "." else "") + word
        end += 1
        if domain.rsplit(".", 1)[-1] in _ENDINGS and "." in domain and not _goes_on(said, end):
            break
    if "." not in domain or domain.rsplit(".", 1)[-1] not in _ENDINGS:
        return None
    start, local = at, ""
    while start > 0 and at - start < 7:
        word = said.word(start - 1)
        if word in _NOT_LOCAL or (said.gap(start).strip() and said.gap(start) not in (".", "-", "_")):
            break
        joined = said.gap(start) if said.gap(start) in (".", "-", "_") and local else ""
        local = _SIGNS.get(word, str(UNITS.get(word, word))) + joined + local
        start -= 1
        if (
            said.word(start - 1) not in _SIGNS
            and word not in _SIGNS
            and len(word) > 1
            and said.gap(start).strip() == ""
        ):
            break
    return Span(start, end, f"{local}@{domain}") if local else None


def _goes_on(said: SpokenText, index: int) -> bool:
    return said.word(index) == "dot" or (said.gap(index) == "." and said.word(index) in _ENDINGS)


def read_phones(runs: list[IdRun]) -> list[Span]:
    """Return the runs that are phone numbers: 7 to 15 digits and nothing else."""
    return [Span(run.start, run.end, run.text) for run in runs if run.text.isdigit() and 7 <= len(run.text) <= 15]


def read_addresses(said: SpokenText) -> list[Span]:
    """Return the street addresses, as said: from the house number to the city, state or zip code."""
    found: list[Span] = []
    index = 0
    while index < len(said.tokens):
        end = _address_end(said, index)
        if end:
            found.append(Span(index, end, _written(said.said(index, end))))
        index = end or index + 1
    return found


def read_streets(said: SpokenText) -> list[Span]:
    """Return the streets named without a house number: "on Cedar Street"."""
    found = []
    for index, token in enumerate(said.tokens):
        if token.word not in _SURE_STREETS or index == 0:
            continue
        start = index
        while (
            start > 0
            and index - start < 3
            and said.word(start - 1) not in _NOT_STREET | DETERMINERS
            and not said.gap(start).strip()
        ):
            start -= 1
        named = said.tokens[index - 1].text[:1].isupper() or said.word(start - 1) in ("on", "in", "to", "at", "of")
        if start < index and named and not said.word(index - 1).isdigit():
            found.append(Span(start, index + 1, said.said(start, index + 1)))
    return found


_SURE_STREETS = word_set("street avenue road lane boulevard drive terrace parkway highway square")


def _written(address: str) -> str:
    """Return an address as one writes it: the zip code in one piece and without being called so."""
    address = re.sub(
        r",?\s*\b(?:with |and )?(?:the )?(?:zip|post|postal)\s?code:?(?: is)?,?\s*(?=\d)",
        ", ",
        address,
        flags=re.IGNORECASE,
    )
    address = re.sub(r"\s+in (?=[A-Z])", ", ", address)
    address = re.sub(r"\bsweet(?= \d)", "Suite", address, flags=re.IGNORECASE)
    return re.sub(r"\b(\d)[-, ]*(\d)[-, ]*(\d)[-, ]*(\d)[-, ]*(\d)$", r"\1\2\3\4\5", address)


def _address_end(said: SpokenText, index: int) -> int:
    """Return the end of the address that begins with the house number at `index`, or 0."""
    number = read_number(said, index)
    digits = re.fullmatch(r"\d{1,5}[a-z]?", said.word(index))
    if not digits and not (number and number.words):
        return 0
    start = number.end if number and not digits else index + 1
    while read_number(said, start) and not digits and said.gap(start) == " ":
        start += 1
    for place in range(start, min(start + 5, len(said.tokens))):
        if said.word(place) in _NOT_STREET or said.word(place).isdigit() or re.search(r"[.?!,]\s", said.gap(place)):
            return 0
        word = said.word(place)
        if word in STREETS and place > start and not (word == "st" and place == start):
            return _extend(said, place + 1)
    return 0


def _extend(said: SpokenText, end: int) -> int:
    """Return where an address ends whose street ends at `end`: units, cities, states and zip codes belong to it."""
    while end < len(said.tokens):
        token, gap = said.tokens[end], said.gap(end)
        if re.search(r"[.?!]\s", gap) and not _continues(said, end):
            return end
        if token.word in _PREPOSITIONS and said.tokens[end + 1 : end + 2] and said.tokens[end + 1].text[:1].isupper():
            end += 1
            continue
        unit = token.word in _UNITS or said.word(end - 1) in _UNITS
        named = token.text[:1].isupper() and token.word not in _STOPS
        zipped = token.word.isdigit() and (len(token.word) in (3, 4, 5) or said.word(end - 1).isdigit())
        if not (unit or named or (zipped and end) or (read_number(said, end) and said.word(end - 1) in _UNITS)):
            return end - (said.word(end - 1) in _PREPOSITIONS)
        end += 1
    return end


def _continues(said: SpokenText, end: int) -> bool:
    """Tell whether a sentence that begins at `end` is only the rest of an address: "Apartment 5."."""
    if said.word(end) in _UNITS - {"number", "code", "room"}:
        return True
    return said.word(end).isdigit() and len(said.word(end)) == 5
