"""Utterances are cut into tokens that keep their punctuation, sentences and clauses."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.rules.language.words import read_words, snowball, split_name, stem, word_set


def test_words_of_identifiers_are_split_in_any_style() -> None:
    """camelCase, snake_case and kebab-case name the same words."""
    assert split_name("checkIn") == split_name("check_in") == split_name("Check-In") == ("check", "in")


def test_derived_words_share_a_stem() -> None:
    """A verb, its noun and its doer are one word."""
    assert stem("deliver") == stem("delivery") == stem("delivered")
    assert stem("trainer") == stem("train")
    assert stem("payment") == stem("pay")


def test_threads_stem_alike() -> None:
    """Models think in several threads at once, and no thread spoils the stems of another."""
    words = ["cancelling", "organisation", "ordering", "quickly", "generalization"] * 2000
    expected = [snowball(word) for word in words]

    def stem_all(_: int) -> list[str]:
        return [snowball(word) for word in words]

    with ThreadPoolExecutor(4) as pool:
        assert all(stems == expected for stems in pool.map(stem_all, range(4)))


def test_sentences_and_clauses_are_numbered() -> None:
    """A full stop ends a sentence, a conjunction or a comma a clause."""
    said = read_words("I can't come on Friday, but Monday works. Thanks.")
    assert [token.sentence for token in said.tokens][-1] == 1
    assert said.tokens[0].clause != said.tokens[5].clause


def test_a_number_with_a_point_is_no_sentence_end() -> None:
    """The point of 4.50 and of p.m. end nothing."""
    said = read_words("It was $4.50 at 3 p.m. yesterday")
    assert {token.sentence for token in said.tokens} == {0}
    assert "pm" in said.words()


def test_word_set_splits_at_spaces() -> None:
    """A word set holds each word once."""
    assert word_set("a b a") == {"a", "b"}


@given(st.text(max_size=80))
def test_any_text_can_be_cut(text: str) -> None:
    """Whatever was heard, every token lies where it says in the tidied text."""
    said = read_words(text)
    assert all(said.text[token.start : token.end] == token.text for token in said.tokens)
