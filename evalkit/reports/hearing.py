"""Arguments that were misheard, told apart from those that were misunderstood: over all case-trials of a run.

Each row has what its grader of arguments found out (:mod:`evalkit.graders.argument_hearing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from evalkit.records.json import Json
from evalkit.reports.rows import Row, row_number


def summarize_hearing(rows: Sequence[Row]) -> dict[str, Json]:
    """Return `arguments` of the summary, from the rows that count; nothing where no row tells what was heard.

    Of a case-trial with several rows the last that tells it counts: it is about all that was said until then.
    """
    told = {row.key: row for row in rows if row_number(row, "argument_words")}
    if not told:
        return {}
    columns = ("argument_words", "misheard_words")
    words, misheard = (int(sum(row_number(row, column) or 0 for row in told.values())) for column in columns)
    lost = Counter(row.cells.get("arguments_lost") for row in told.values())
    return {
        "arguments": {
            "words": words,
            "misheard_words": misheard,
            "word_error": misheard / words,
            "misheard": lost["misheard"],
            "misunderstood": lost["misunderstood"],
        }
    }
