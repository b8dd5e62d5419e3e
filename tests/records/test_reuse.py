"""When a result may stand for another run of the same case-trial."""

from __future__ import annotations

from evalkit.records.case import Case, CaseTrial
from evalkit.records.reuse import reuse_key


def test_results_of_before_may_still_be_used() -> None:
    """The key of a case-trial is the one that runs with records of version 1 were stored with: resuming reruns none."""
    case = Case("c1", "crawl", {"user_text": "Where is it?"})
    stored = "b2038e0cd529441e43c0fb62589a6005a772c0db0d66fe9300f9e47ccb109f1c"
    assert reuse_key(CaseTrial(case, 2, 7), {"chunk_ms": 40}) == stored


def test_a_reuse_key_depends_on_content_trial_and_settings() -> None:
    """And on nothing else."""
    case = Case("a", "run", {"x": 1, "some_path": "/here"})
    same = Case("a", "run", {"x": 1, "some_path": "/there"})
    key = reuse_key(CaseTrial(case, 1, 5), {"s": 1})
    assert key == reuse_key(CaseTrial(same, 1, 5), {"s": 1})
    others = [reuse_key(CaseTrial(case, 2, 5), {"s": 1}), reuse_key(CaseTrial(case, 1, 6), {"s": 1})]
    assert len({key, *others, reuse_key(CaseTrial(case, 1, 5), {"s": 2})}) == 4
