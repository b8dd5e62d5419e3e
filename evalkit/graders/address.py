"""Postal addresses in one spelling, for the match rule `address`.

``27 Maple Ave., Apt. 5, Denver, Colorado`` and ``twenty seven maple avenue apartment 5 denver co`` become the same
words. Only that rule uses this: elsewhere *St* may be a saint.

The library for this, `usaddress-scourgify`, is made for written US addresses: of the nine pairs in this module's tests
it finds two the same, and tells `#5` from `Apartment 5`, `twelve` from 12 and `Fourth` from `4th`.
"""

from __future__ import annotations

import re

from evalkit.graders.normalise import number_words_to_digits, plain_text

_SHORT = {
    # street types (the common ones of USPS Publication 28, appendix C1) and other parts of a place's name
    "street": "st", "saint": "st", "str": "st", "avenue": "ave", "av": "ave", "boulevard": "blvd", "road": "rd",
    "drive": "dr", "lane": "ln", "court": "ct", "circle": "cir", "place": "pl", "square": "sq", "terrace": "ter",
    "parkway": "pkwy", "highway": "hwy", "freeway": "fwy", "expressway": "expy", "turnpike": "tpke", "trail": "trl",
    "crescent": "cres", "heights": "hts", "plaza": "plz", "alley": "aly", "bridge": "brg", "crossing": "xing",
    "mount": "mt", "mountain": "mtn", "fort": "ft", "point": "pt", "junction": "jct", "center": "ctr", "centre": "ctr",
    # units
    "apartment": "apt", "suite": "ste", "building": "bldg", "floor": "fl", "room": "rm", "department": "dept",
    # directions
    "north": "n", "south": "s", "east": "e", "west": "w",
    "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw",
    # states and territories of the US
    "alabama": "al", "alaska": "ak", "arizona": "az", "arkansas": "ar", "california": "ca", "colorado": "co",
    "connecticut": "ct", "delaware": "de", "florida": "fl", "georgia": "ga", "hawaii": "hi", "idaho": "id",
    "illinois": "il", "indiana": "in", "iowa": "ia", "kansas": "ks", "kentucky": "ky", "louisiana": "la",
    "maine": "me", "maryland": "md", "massachusetts": "ma", "michigan": "mi", "minnesota": "mn", "mississippi": "ms",
    "missouri": "mo", "montana": "mt", "nebraska": "ne", "nevada": "nv", "ohio": "oh", "oklahoma": "ok",
    "oregon": "or", "pennsylvania": "pa", "tennessee": "tn", "texas": "tx", "utah": "ut", "vermont": "vt",
    "virginia": "va", "washington": "wa", "wisconsin": "wi", "wyoming": "wy",
}  # fmt: skip

_PHRASES = (
    (re.compile(r"\bnew hampshire\b"), "nh"),
    (re.compile(r"\bnew jersey\b"), "nj"),
    (re.compile(r"\bnew mexico\b"), "nm"),
    (re.compile(r"\bnew york\b"), "ny"),
    (re.compile(r"\bnorth carolina\b"), "nc"),
    (re.compile(r"\bnorth dakota\b"), "nd"),
    (re.compile(r"\bsouth carolina\b"), "sc"),
    (re.compile(r"\bsouth dakota\b"), "sd"),
    (re.compile(r"\bwest virginia\b"), "wv"),
    (re.compile(r"\brhode island\b"), "ri"),
    (re.compile(r"\bdistrict of columbia\b"), "dc"),
    (re.compile(r"\b(north|south)[ -](east|west)\b"), r"\1\2"),
    (re.compile(r"\b(?:p\.? ?o\.?|post office) box\b"), "pobox"),
    (re.compile(r"\b(?:zip|postal) code\b|\bzip\b|\bpostcode\b"), " "),
    (re.compile(r"\b(apartment|apt|suite|ste|unit|room|rm)\b\.?\s*(?:#|number\b|no\.)"), r"\1 "),
    (re.compile(r"#|\bnumber\b|\bno\."), " apt "),
)


def address_words(text: str) -> tuple[str, ...]:
    """Return the words of an address: abbreviated, numbers as digits, letters apart from digits (``4B``: 4, b)."""
    plain = number_words_to_digits(plain_text(text).replace("'", ""))
    for pattern, replacement in _PHRASES:
        plain = pattern.sub(replacement, plain)
    return tuple(_SHORT.get(token, token) for token in re.findall(r"[^\W\d_]+|\d+", plain))
