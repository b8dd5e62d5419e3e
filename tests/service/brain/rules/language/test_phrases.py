"""Names and things are cut out of an utterance."""

from evalkit.service.brain.rules.language.phrases import chunks, lead, proper_phrases
from evalkit.service.brain.rules.language.words import read_words


def test_proper_phrases_keep_small_words_inside() -> None:
    """A title may hold "of the"; weekdays, months and sentence openings are no names."""
    said = read_words("Do you have Lord of the Rings? Please call Maria Lopez on Friday.")
    assert [chunk.text for chunk in proper_phrases(said)] == ["Lord of the Rings", "Maria Lopez"]


def test_chunks_are_what_stands_between_function_words() -> None:
    """Articles, verbs and prepositions end a chunk."""
    said = read_words("do you have the walnut side table in stock")
    assert "walnut side table" in [chunk.text for chunk in chunks(said, (), frozenset())]


def test_lead_skips_articles() -> None:
    """The word that leads to a phrase stands before its article."""
    said = read_words("a refill of the asthma spray")
    assert lead(said, 4) == "of"
