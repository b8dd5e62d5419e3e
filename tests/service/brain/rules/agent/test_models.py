"""`local-agent` serves tools it has never seen: small domains, typed and as a recogniser heard them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.conversation import Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.agent import models
from evalkit.service.engines import EngineChoice, build_speech, build_transcription

DOMAINS = sorted((Path(__file__).parent / "domains").glob("*.json"))
AGENT_FOLDER = Path(models.__file__).parent
FOLDERS = (AGENT_FOLDER, AGENT_FOLDER.parent / "language")
SHIPPED_TOOLS = Path(__file__).parents[5] / "data" / "tools"


def read_domain(path: Path) -> dict[str, Any]:
    """Return a domain as its file has it."""
    domain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return domain


def normal(value: Any) -> Any:
    """Return a value as graders compare it: numbers by value, text without case and punctuation, ids without spaces."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, list):
        return [normal(one) for one in value]
    text = str(value).lower()
    if re.search(r"\d", text) and not re.search(r"[a-z]{4}", text):
        return re.sub(r"[^a-z0-9]", "", text)
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


def call_of(domain: Mapping[str, Any], case: Mapping[str, Any], turn: UserTurn) -> tuple[str | None, Mapping[str, Any]]:
    """Return the tool and the arguments that the agent calls when a case ends in `turn`."""
    before = [UserTurn(text) if who == "user" else Said(text) for who, text in case.get("before", [])]
    items: list[Item] = [*before, turn]
    calls = models.MODELS["local-agent"](Conversation(domain["instructions"], domain["tools"], items)).calls
    return (calls[0].name, calls[0].arguments) if calls else (None, {})


@pytest.mark.parametrize("form", ["text", "heard"])
@pytest.mark.parametrize("path", DOMAINS, ids=lambda path: path.stem)
def test_unseen_domains(path: Path, form: str) -> None:
    """At least 80 % right tools (or none where none is due) and 60 % right arguments in every domain."""
    domain = read_domain(path)
    tools = arguments = due = 0
    for case in domain["cases"]:
        name, said = call_of(domain, case, UserTurn(case[form], is_heard=form == "heard"))
        tools += name == case["tool"]
        if case["tool"]:
            due += 1
            right = all(key in said and normal(said[key]) == normal(value) for key, value in case["args"].items())
            arguments += name == case["tool"] and right
    assert tools >= 0.8 * len(domain["cases"])
    assert arguments >= 0.6 * due


OUTSIDE = [path for path in DOMAINS if read_domain(path)["role"] == "outside"]


def invented(case: Mapping[str, Any], name: str | None, said: Mapping[str, Any], words: str) -> list[str]:
    """Return the arguments of a call that are neither right nor among the `words` that reached the agent."""
    right = case["args"] if name == case["tool"] else {}
    return [
        key
        for key, value in said.items()
        if not (key in right and normal(right[key]) == normal(value))
        and normal_words(str(value)) not in normal_words(words)
    ]


def normal_words(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.parametrize("form", ["text", "heard"])
@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.stem)
def test_outside_domains(path: Path, form: str) -> None:
    """Clearly said: at least 85 % right tools, 70 % right arguments, and no argument that nobody gave."""
    domain = read_domain(path)
    tools = arguments = due = 0
    made_up = []
    for case in domain["cases"]:
        name, said = call_of(domain, case, UserTurn(case[form], is_heard=form == "heard"))
        made_up += [(case["id"], key, said[key]) for key in invented(case, name, said, case[form])]
        tools += name == case["tool"]
        if case["tool"]:
            due += 1
            wanted = {key: normal(value) for key, value in case["args"].items()}
            arguments += name == case["tool"] and {key: normal(value) for key, value in said.items()} == wanted
    assert not made_up
    assert tools >= 0.85 * len(domain["cases"])
    assert arguments >= 0.7 * due


@pytest.mark.slow
@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.stem)
async def test_outside_domains_spoken(path: Path) -> None:
    """Through the bundled voice and recogniser, each domain: at least 85 % right tools and 70 % right arguments."""
    pytest.importorskip("hibari", reason="needs the local extra")
    engines = AudioEngines(build_speech(EngineChoice()), build_transcription(EngineChoice()))
    domain = read_domain(path)
    tools: list[bool] = []
    arguments: list[bool] = []
    for case in domain["cases"]:
        said = await engines.say(case["text"], "marin", 1.0)
        heard = await engines.hear(said.pcm, said.rate_hz)
        name, given = call_of(domain, case, UserTurn(heard, is_heard=True))
        tools.append(name == case["tool"])
        wanted = {key: normal(value) for key, value in case["args"].items()}
        arguments += [{key: normal(value) for key, value in given.items()} == wanted] if case["tool"] else []
    engines.close()
    assert sum(tools) >= 0.85 * len(tools)
    assert sum(arguments) >= 0.7 * len(arguments)


@pytest.mark.parametrize(
    "schema",
    [
        {"description": "Code of the parcel, e.g. DK4821"},
        {"description": "Code of the parcel, e.g. DK4821", "pattern": r"^[A-Z]{2}\d{4}$"},
    ],
)
def test_an_example_in_a_schema_is_no_prefix(schema: dict[str, Any]) -> None:
    """The id is the one that was said."""
    assert calls_for("Where is parcel B R 0 3 7 5?", schema) == [{"parcel_code": "BR0375"}]


def test_an_id_that_cannot_be_is_asked_for_again() -> None:
    """Where every id begins with DK, one that begins with BR gets no other letters."""
    schema = {"description": "e.g. DK4821", "pattern": r"^DK\d{4}$"}
    assert calls_for("Where is parcel B R 0 3 7 5?", schema) == []
    assert calls_for("Where is parcel 0 3 7 5?", schema) == [{"parcel_code": "DK0375"}]


def calls_for(text: str, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the arguments of the calls that a question about a parcel leads to."""
    parameters = {"type": "object", "properties": {"parcel_code": {"type": "string", **schema}}}
    tool = {"name": "track_parcel", "description": "Look up where a parcel is.",
            "parameters": {**parameters, "required": ["parcel_code"]}}  # fmt: skip
    return [dict(call.arguments) for call in models.local_agent(Conversation("", [tool], [UserTurn(text)])).calls]


def test_the_same_conversation_gets_the_same_reply() -> None:
    """Nothing is random and nothing is remembered between calls."""
    domain = json.loads(DOMAINS[0].read_text(encoding="utf-8"))
    conversation = Conversation(domain["instructions"], domain["tools"], [UserTurn(domain["cases"][0]["text"])])
    assert len({repr(models.local_agent(conversation)) for _ in range(3)}) == 1


def test_no_shipped_tool_is_known_by_name() -> None:
    """The agent's code and the lexicon name no tool that we ship."""
    names = [
        tool["name"] for path in SHIPPED_TOOLS.glob("*.json") for tool in json.loads(path.read_text(encoding="utf-8"))
    ]
    source = " ".join(
        path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in folder.iterdir()
        if path.suffix in (".py", ".txt")
    )
    assert names
    assert not [name for name in names if name in source]


def test_all_models_are_offered() -> None:
    """The agent and its known defects go by these names."""
    assert set(models.MODELS) == {
        "local-agent",
        "local-no-tool",
        "local-wrong-tool",
        "local-wrong-args",
        "local-extra-call",
        "local-text-mismatch",
        "local-silent",
        "local-deaf",
        "local-slow-yield",
        "local-yields-to-all",
        "local-eager",
        "local-sluggish",
        "local-talks-over",
        "local-answers-side-speech",
        "local-never-resumes",
    }


def test_the_answer_to_a_question_is_no_new_request() -> None:
    """Asked for the order number of a cancellation, "the order number is …" cancels; it does not look the order up."""
    order = {"properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}
    tools = [
        {"name": "get_order_status", "description": "Look up where an order is.", "parameters": order},
        {"name": "cancel_order", "description": "Cancel an order.", "parameters": order},
    ]
    asked = models.local_agent(
        Conversation("", tools, [UserTurn("Hi, I'd like to cancel an order I placed this morning.")])
    )
    items = [UserTurn("Hi, I'd like to cancel an order I placed this morning."), Said(asked.text)]
    reply = models.local_agent(Conversation("", tools, [*items, UserTurn("The order number is 0040318.")]))
    assert [(call.name, dict(call.arguments)) for call in reply.calls] == [("cancel_order", {"order_id": "0040318"})]
