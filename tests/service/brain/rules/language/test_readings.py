"""An utterance is read once for all fields."""

from evalkit.service.brain.rules.language.readings import read_utterance


def test_digits_belong_to_one_thing_only() -> None:
    """The digits of an address, a date, a time and an e-mail are no ids."""
    reading = read_utterance(
        "Send 48213 to 22 Oak Street, Springfield on March 3rd, 2026 at 3 pm, x9@example.com", None
    )
    assert [run.text for run in reading.ids] == ["48213"]
    assert [span.value for span in reading.addresses] == ["22 Oak Street, Springfield"]
    assert [time.text for time in reading.times] == ["15:00"]
    assert [str(one.day) for one in reading.dates] == ["2026-03-03"]
    assert [span.value for span in reading.emails] == ["x9@example.com"]


def test_what_is_taken_is_known() -> None:
    """Spans that are surely no names are listed."""
    reading = read_utterance("order 48213 on March 3rd, 2026", None)
    assert {(span.start, span.end) for span in reading.taken} == {(1, 2), (3, 6)}
