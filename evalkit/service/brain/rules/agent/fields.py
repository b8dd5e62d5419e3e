"""What a tool's JSON Schema asks for: one :class:`Field` per property, with the kind of thing it takes.

The kind decides which reader fills it. It comes from `type`, `format`, `enum` and `pattern` first, and then from the
words of the property's name and description, in whatever style they are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import Any

import orjson

from evalkit.service.brain.rules.language.words import split_name, word_set


class Kind(StrEnum):
    """What a field takes."""

    CHOICE = "choice"
    FLAG = "flag"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    MONEY = "money"
    COUNT = "count"
    ID = "id"
    PHONE = "phone"
    EMAIL = "email"
    ADDRESS = "address"
    PERSON = "person"
    PLACE = "place"
    TEXT = "text"
    THING = "thing"
    LIST = "list"
    GROUP = "group"


@dataclass(frozen=True)
class Field:
    """A property of a tool.

    Attributes:
        name: As the schema has it.
        kind: What it takes.
        words: The words of its name.
        description: Its description.
        schema: Its JSON Schema.
        required: Whether the tool needs it.
        shape: For ids, the regular expression a value must match; "" for any.
        likely: For ids of any shape, the regular expression of those that look like the example in the description; ""
            for none. Nobody says that all do, but what was heard and nearly does is likely misheard.
        parts: For groups, the fields inside; for lists, the one field that each entry is like.

    """

    name: str
    kind: Kind
    words: tuple[str, ...]
    description: str
    schema: Mapping[str, Any]
    required: bool
    shape: str = ""
    likely: str = ""
    parts: tuple[Field, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether the schema wants a JSON number."""
        return _type_of(self.schema) in ("integer", "number")


@dataclass(frozen=True)
class Tool:
    """A function tool of the session."""

    name: str
    description: str
    fields: tuple[Field, ...]

    @property
    def required(self) -> tuple[Field, ...]:
        """The fields it can't be called without."""
        return tuple(field for field in self.fields if field.required)


def read_tools(specs: Any) -> tuple[Tool, ...]:
    """Return the function tools of a session, whether their keys stand flat or under ``function``."""
    return tuple(_read_tool(orjson.dumps(spec)) for spec in specs if isinstance(spec, Mapping))


@lru_cache(maxsize=500)
def _read_tool(raw: bytes) -> Tool:
    spec = orjson.loads(raw)
    spec = spec.get("function") if isinstance(spec.get("function"), dict) else spec
    parameters = spec.get("parameters") or {}
    return Tool(str(spec.get("name", "")), str(spec.get("description") or ""), _read_fields(parameters))


def _read_fields(schema: Mapping[str, Any]) -> tuple[Field, ...]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return ()
    required = schema.get("required") or ()
    return tuple(
        _read_field(name, sub, required=name in required)
        for name, sub in properties.items()
        if isinstance(sub, Mapping)
    )


def _read_field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    schema = _without_null(schema)
    description = str(schema.get("description") or schema.get("title") or "")
    kind = _kind(name, schema, description)
    parts: tuple[Field, ...] = ()
    if kind is Kind.GROUP:
        parts = _read_fields(schema)
    elif kind is Kind.LIST:
        items = schema.get("items")
        parts = (
            _read_field(
                name, {"description": description, **items} if isinstance(items, Mapping) else {}, required=True
            ),
        )
    shape = ""
    if kind in (Kind.ID, Kind.PHONE):
        shape = str(schema.get("pattern") or "") or _length_shape(schema)
    likely = _example_shape(description) if kind is Kind.ID and not shape else ""
    return Field(name, kind, split_name(name), description, schema, required, shape, likely, parts)


_EXAMPLE = re.compile(
    r"\b(?:e\.g\.|eg|for example|such as|like|example:?)[\s,:'\"(]+(?P<id>[A-Za-z]+[A-Za-z-]*\d[A-Za-z0-9-]*)"
)


def _example_shape(description: str) -> str:
    """Return the shape of the id that a description gives as an example: of two letters and four digits, for AE5512.

    An example without letters tells no shape: numbers are of any length.
    """
    match = _EXAMPLE.search(description)
    if match is None:
        return ""
    example = match["id"].replace("-", "")
    runs = ((key, len(list(run))) for key, run in groupby(example, key=str.isdigit))
    return "^" + "".join(rf"\d{{{size}}}" if digits else f"[A-Z]{{{size}}}" for digits, size in runs) + "$"


def _length_shape(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minLength"), schema.get("maxLength")
    if isinstance(low, int) and isinstance(high, int) and low == high:
        return f"^[A-Za-z0-9-]{{{low}}}$"
    return ""


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema that also allows null as if it did not."""
    for key in ("anyOf", "oneOf"):
        options = [
            option for option in schema.get(key) or () if isinstance(option, Mapping) and option.get("type") != "null"
        ]
        if options:
            return {**options[0], **{k: v for k, v in schema.items() if k not in (key, "default")}}
    return schema


def _type_of(schema: Mapping[str, Any]) -> str:
    types = schema.get("type", "string")
    if isinstance(types, list):
        types = next((one for one in types if one != "null"), "string")
    return str(types)


_ID_NAMES = word_set(
    "id ids number no num code reference ref pnr pin vin isbn barcode tag plate registration serial sku imei iban "
    "digits rx account otp passcode zip postcode postal zipcode confirmation extension license"
)
_PERSON_NAMES = word_set(
    "name full first last customer guest patient passenger holder caller attendee member contact owner driver "
    "recipient payee author person student employee user visitor participant beneficiary surname doctor provider "
    "stylist trainer therapist dentist physician teacher host agent tenant sender instructor practitioner barber "
    "technician pet animal dog cat child spouse applicant"
)
_THING_NAMES = word_set(
    "product item service event company business pharmacy hotel restaurant medication medicine drug store class "
    "course brand model file team project plan dish book movie film title insurance provider insurer destination "
    "city"
)
_MONEY_WORDS = word_set(
    "amount price cost fee deposit payment budget sum dollars usd eur tip salary income value total"
)
_PLACE_WORDS = word_set(
    "origin destination city location airport station branch place country state town from to region area stop "
    "terminal neighborhood office clinic site zone county"
)
_TEXT_WORDS = word_set(
    "reason description notes note message details detail comment comments issue problem complaint feedback question "
    "symptoms symptom instructions subject summary explanation request text body preferences concern purpose"
)


def _kind(name: str, schema: Mapping[str, Any], description: str) -> Kind:
    if isinstance(schema.get("enum"), list):
        return Kind.CHOICE
    kind = _type_of(schema)
    if kind == "boolean":
        return Kind.FLAG
    if kind == "array":
        return Kind.LIST
    if kind == "object":
        return Kind.GROUP
    words = split_name(name)
    if kind in ("integer", "number"):
        return _number_kind(words, description, schema)
    return _FORMATS.get(str(schema.get("format"))) or _worded_kind(words, description)


_FORMATS = {"date": Kind.DATE, "date-time": Kind.DATETIME, "time": Kind.TIME, "email": Kind.EMAIL}


def _number_kind(words: tuple[str, ...], description: str, schema: Mapping[str, Any]) -> Kind:
    counts = words[:1] in (("num",), ("no",)) or words[:2] == ("number", "of") or "of" in words or "count" in words
    if {"weight", "distance", "mileage", "age"} & set(words):
        return Kind.COUNT
    if set(words) & _MONEY_WORDS or (
        re.search(r"dollar|\beuros?\b|\busd\b|[$€£]|pounds", description, re.IGNORECASE) and not counts
    ):
        return Kind.MONEY
    if not counts and words and words[-1] in _ID_NAMES and not {"maximum"} & set(schema):
        return Kind.ID
    return Kind.COUNT


def _worded_kind(words: tuple[str, ...], description: str) -> Kind:
    last, named, told = words[-1] if words else "", set(words), description.lower()
    checks = (
        (Kind.EMAIL, bool(named & {"email", "mail"})),
        (
            Kind.PHONE,
            bool(named & {"phone", "telephone", "mobile", "cell", "callback", "msisdn"})
            and not named & {"model", "type", "brand", "name", "time", "date"},
        ),
        (Kind.DATETIME, bool(named & {"datetime", "timestamp"}) or "date and time" in told),
        (
            Kind.DATE,
            last in ("date", "dob", "day", "birthday", "birthdate", "deadline")
            or "yyyy-mm-dd" in told
            or "birth" in named
            or "date" in named,
        ),
        (Kind.TIME, last in ("time", "hour", "at") or bool(re.search(r"hh:mm|24-hour|24 h", told)) or "time" in named),
        (Kind.ID, _is_id(words, told)),
        (Kind.ADDRESS, "address" in named or "street" in named or "full address" in told or "street address" in told),
        (
            Kind.TEXT,
            last in _TEXT_WORDS or bool(named & {"reason", "description", "notes", "message", "comment", "complaint"}),
        ),
        (Kind.PERSON, _is_person(words, told)),
        (Kind.PLACE, bool(named & _PLACE_WORDS)),
    )
    return next((kind for kind, holds in checks if holds), Kind.THING)


def _is_id(words: tuple[str, ...], told: str) -> bool:
    last = words[-1] if words else ""
    if "name" in words or last in ("type", "kind"):
        return False
    if last in _ID_NAMES or set(words) & {
        "id",
        "pnr",
        "barcode",
        "vin",
        "isbn",
        "sku",
        "reference",
        "number",
        "code",
        "zip",
    }:
        return True
    return bool(re.search(r"\b(?:digits?|alphanumeric|reference number|characters?|identifier|serial)\b", told))


def _is_person(words: tuple[str, ...], told: str) -> bool:
    last = words[-1] if words else ""
    if last == "name" and set(words[:-1]) - _WAYS_OF_NAMING:
        named = set(words[:-1])
        return not named & _THING_NAMES and (
            bool(named & _PERSON_NAMES) or any(map(_does_something, named)) or bool(_OF_A_PERSON.search(told))
        )
    if last == "name":
        of = re.search(r"name of (?:the|a|an) (\w+)", told)
        return not (of and of.group(1) in _THING_NAMES)
    if set(words) & _THING_NAMES:
        return False
    return last in _PERSON_NAMES or "full name" in told or "person's name" in told or "name of the person" in told


_WAYS_OF_NAMING = word_set("full first last middle given family maiden legal preferred new old")
_OF_A_PERSON = re.compile(r"\bfull name\b|\bname of (?:the|a|an) person\b|\bperson(?:'s)? name\b|\bwho\b|\bwhose\b")
_DOERS = re.compile(r"[a-z]{3,}(?:er|or|ee|ant|ent|ist|ian)")
_NO_DOERS = word_set(
    "computer printer router water paper number order letter folder server layer filter flavor color tower river "
    "center theater charger adapter sensor motor monitor calendar door floor harbor corner weather container locker "
    "trailer sticker poster banner newsletter voucher register counter gear cancer fever tree coffee fee committee "
    "plant restaurant event document ingredient treatment payment department apartment equipment shipment appointment "
    "supplement component agreement garment tournament list checklist playlist"
)


def _does_something(word: str) -> bool:
    """Tell whether a noun names one who does something: collector, employee, assistant, florist."""
    return bool(_DOERS.fullmatch(word)) and word not in _NO_DOERS
