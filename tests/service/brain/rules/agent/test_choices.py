"""Values of enumerations are recognised by their words, synonyms and glosses."""

from typing import Any

import pytest

from evalkit.service.brain.rules.agent.choices import choices, flag
from evalkit.service.brain.rules.agent.fields import Field, read_tools
from evalkit.service.brain.rules.language.words import read_words


def field(name: str, schema: dict[str, Any]) -> Field:
    """Return one field."""
    return read_tools([{"name": "t", "parameters": {"properties": {name: schema}}}])[0].fields[0]


SPECIALTY = field(
    "specialty",
    {
        "enum": ["general_practice", "dermatology", "dentistry"],
        "description": "general_practice: doctor, check-up. dermatology: skin doctor. dentistry: teeth.",
    },
)
ACCOUNT = field("account", {"enum": ["checking", "savings", "credit_card"]})


@pytest.mark.parametrize(
    ("text", "value"),
    [("a skin doctor", "dermatology"), ("see the doctor", "general_practice"), ("my teeth hurt", "dentistry"),
     ("a dentist", "dentistry"), ("dermatolgy please", "dermatology")],
)  # fmt: skip
def test_glosses_synonyms_and_misspellings(text: str, value: str) -> None:
    """Words of the description, words of the same idea and near misses count."""
    assert choices(SPECIALTY, read_words(text))[0].value == value


def test_words_of_a_value_may_stand_apart_from_its_underscore() -> None:
    """`credit_card` is said as two words."""
    assert choices(ACCOUNT, read_words("what's on my credit card"))[0].value == "credit_card"


def test_nothing_said_is_nothing_chosen() -> None:
    """No value without a word for it."""
    assert not choices(ACCOUNT, read_words("good morning, how are you"))


TREATMENT = field("treatment", {"enum": ["cleaning", "filling", "crown", "whitening"]})


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (TREATMENT, "I need two teeth pulled"),
        (TREATMENT, "something is wrong with my tooth"),
        (field("service", {"enum": ["pest_check", "soil_test"]}), "somebody should check my roses"),
        (field("fault", {"enum": ["door_stuck", "door_open"]}), "the door makes a strange noise"),
        (field("plan", {"enum": ["family_plus", "family_basic"]}), "the family plan"),
    ],
)
def test_nothing_is_guessed(asked: Field, text: str) -> None:
    """What only is about the same, or suits two values alike, is no value: the agent asks."""
    assert not choices(asked, read_words(text))


def test_words_of_a_value_may_come_in_any_order() -> None:
    """Within one clause."""
    condition = field("condition", {"enum": ["broken_stem", "wilted"]})
    assert choices(condition, read_words("the stem is quite badly broken"))[0].value == "broken_stem"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("with breakfast please", True),
        ("can I have breakfast?", True),
        ("no breakfast", False),
        ("I don't need breakfast", False),
        ("breakfast isn't necessary", False),
        ("Breakfast? No, thank you.", False),
        ("Breakfast? Yes, please.", True),
        ("Is breakfast included?", None),
        ("how much is the breakfast", None),
        ("I'm not sure about breakfast", None),
        ("I don't know about breakfast yet", None),
        ("two nights", None),
    ],
)
def test_flags(text: str, value: bool | None) -> None:
    """A thing that is named is wanted, unless a no stands beside it; who asks about it or is not sure says neither."""
    found = flag(field("breakfast", {"type": "boolean"}), read_words(text))
    assert (found.value if found else None) is value
