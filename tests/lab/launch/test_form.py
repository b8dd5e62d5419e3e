"""The form has what the schemas have."""

from __future__ import annotations

import pytest

from evalkit.lab.launch.form import make_form
from evalkit.settings.schemas import mode_names, run_keys


@pytest.mark.parametrize("mode", mode_names())
def test_every_key_of_a_mode_has_its_field(mode: str) -> None:
    """With its description; but the mode itself, and where runs are put, which the lab decides."""
    form = make_form(mode)
    fields = {field.path: field for node in form.nodes for field in node.fields}
    groups = {group.path for group in form.groups}
    assert set(fields) == set(run_keys(mode)) - {"mode.name", "output_dir", "input"}
    assert ("input" in run_keys(mode)) == ("input" in groups)
    assert all(field.description and field.allowed for field in fields.values())
    assert form.mode in {option.name for option in form.modes}


def test_groups_are_those_of_the_mode() -> None:
    """With what each option's file says, and each role's own provider."""
    crawl = {group.path: group for group in make_form("crawl").groups}
    assert next(iter(crawl)) == "provider"
    assert "provider@judge.provider" in crawl
    assert "agent" not in crawl
    assert "agent" in {group.path for group in make_form("terminal").groups}
    says = {option.name: option.says for option in crawl["provider"].options}
    assert says["openai"].startswith("The hosted API.")
    assert crawl["hydra/launcher"].options[0].name == "basic"


def test_what_a_field_may_be() -> None:
    """Options where the schema lists them, and what kind of value it takes."""
    fields = {field.path: field for node in make_form("crawl").nodes for field in node.fields}
    assert [option.name for option in fields["mode.answer_tools"].options] == ["true", "false"]
    assert fields["mode.graders"].is_list
    assert fields["run_name"].is_text
    assert (fields["max_examples"].is_text, fields["max_examples"].allowed) == (False, "integer ≥ 1 or null")
    assert (fields["assistant.model"].label, fields["seed"].label) == ("model", "seed")


def test_presets_say_what_they_are() -> None:
    """As their files do; what Hydra reads there, and the line to type, are left out."""
    says = {option.name: option.says for option in make_form("crawl").presets}
    assert says["smoke"] == "Five cases, to see that everything is in place."


def test_no_form_without_a_mode() -> None:
    """A mode that is not installed."""
    with pytest.raises(KeyError):
        make_form("of_tomorrow")
