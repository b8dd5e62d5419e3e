"""What is heard is cut into what a caller reacts to."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.caller.remarks import read_remark


def test_filler_is_no_statement() -> None:
    """Politeness and announcements tell nothing."""
    remark = read_remark("Sure, one moment, I'll take care of that. Thank you. I'm sorry about that.")
    assert remark.statements == ()
    assert remark.questions == ()


def test_statements_questions_and_offers_are_told_apart() -> None:
    """A turn may hold all of them."""
    remark = read_remark("It is on the van. Could I have your name? Is there anything else I can help you with?")
    assert remark.statements == ("It is on the van.",)
    assert remark.questions == ("Could I have your name?",)
    assert remark.offers_more


@pytest.mark.parametrize("text", ["what is the order number", "could you tell me the day please", "I need your name."])
def test_a_question_without_its_mark_is_one(text: str) -> None:
    """Recognisers drop question marks."""
    assert len(read_remark(text).questions) == 1


@pytest.mark.parametrize("text", ["I'm sorry, I can't do that.", "That didn't work.", "The status is not found."])
def test_a_refusal_is_heard(text: str) -> None:
    """It can't be done, or it went wrong."""
    assert read_remark(text).refuses


@pytest.mark.parametrize("text", ["", " . ", "(inaudible)", "[noise]"])
def test_sound_without_words_is_inaudible(text: str) -> None:
    """Nothing, punctuation and a recogniser's remarks are no words."""
    assert read_remark(text).is_inaudible


def test_goodbyes_and_misunderstandings_are_heard() -> None:
    """The other side may end the call, or not have understood."""
    assert read_remark("Thank you for calling, goodbye.").says_bye
    assert read_remark("Sorry, I didn't catch that. Could you say it again?").is_puzzled
