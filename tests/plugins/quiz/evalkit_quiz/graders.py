"""A grader of one's own: is the answer short?"""

from evalkit.graders.context import GraderContext, GraderType
from evalkit.records.grade import Verdict


async def grade_short(context: GraderContext) -> Verdict:
    """The answer has at most `words` words.

    1: it has. 0: it has more.
    """
    words = len(context.assistant_text.split())
    return Verdict(1.0 if words <= context.option("words") else 0.0, f"{words} words")


GRADERS = (GraderType("short", "1", grade_short, {"words": {"type": "integer", "minimum": 1}}, ("words",)),)
