"""The tables of the index.

What stands in them is made from runs' files alone, so a table is never altered: another version of the schema means
that all is made again.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text

SCHEMA_VERSION = "3"
MARK = "evalkit_lab"
"""The name of the table that only a lab's database has."""

METADATA = MetaData()

META = Table(
    MARK,
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

RUN = Table(
    "run",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, index=True),
    Column("run_id", Text, nullable=False, index=True),
    Column("root", Text, nullable=False, unique=True),
    Column("relative", Text, nullable=False),
    Column("is_copy", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("planned", Integer, nullable=False),
    Column("finished", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("excluded", Integer, nullable=False),
    Column("score", Float),
    Column("score_low", Float),
    Column("score_high", Float),
    Column("cost_usd", Float),
    Column("latency_ms", Float),
    Column("case_set", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("planned_sha", Text, nullable=False, index=True),
    Column("has_all_cases", Boolean, nullable=False),
    Column("data_name", Text, nullable=False),
    Column("ranking", Text, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("sweep_root", Text, nullable=False, index=True),
    Column("parent", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("notes", Integer, nullable=False),
    Column("reviews", Integer, nullable=False),
    Column("trouble", Text, nullable=False),
    Column("config_sha256", Text, nullable=False),
    Column("evalkit_version", Text, nullable=False),
    Column("search", Text, nullable=False),
    Column("stamps", Text, nullable=False),
)
Index("run_started", RUN.c.started_at.desc())
Index(
    "run_case_set", RUN.c.case_set, RUN.c.mode, RUN.c.ranking, RUN.c.data_name, RUN.c.model, RUN.c.is_copy, RUN.c.cases
)

TRIAL = Table(
    "trial",
    METADATA,
    Column("run", Integer, ForeignKey("run.number", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("trial", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("ending", Text, nullable=False),
    Column("is_recorded", Boolean, nullable=False),
    Column("passed", Boolean),
    Column("fault", Text, nullable=False),
    Column("failure_stage", Text, nullable=False),
    Column("error_type", Text, nullable=False),
    Column("error_message", Text, nullable=False),
    Column("grades", Text, nullable=False),
    Column("cost_usd", Float),
    Column("latency_ms", Float),
    Column("duration_ms", Float),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("said", Text, nullable=False),
    Column("search", Text, nullable=False),
)
Index("trial_order", TRIAL.c.run, TRIAL.c.position)
Index("trial_history", TRIAL.c.case_id, TRIAL.c.started_at.desc())

TAG = Table(
    "tag",
    METADATA,
    Column("tag", Text, primary_key=True),
    Column("run", Integer, ForeignKey("run.number", ondelete="CASCADE"), primary_key=True, index=True),
)

SWEEP = Table(
    "sweep",
    METADATA,
    Column("root", Text, primary_key=True),
    Column("id", Text, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("jobs", Integer, nullable=False),
)

SUMMED = Table(
    "summed",
    METADATA,
    Column("case_set", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)
"""The index's version when what the models did on a set was last summed up; a set without a row has nothing summed."""

MODEL_CASE = Table(
    "model_case",
    METADATA,
    Column("case_set", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("case_id", Text, primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("decided", Integer, nullable=False),
    Column("passed", Integer, nullable=False),
    Column("excluded", Integer, nullable=False),
    Column("cost_usd", Float),
    Column("latency_ms_median", Float),
    Column("run_ids", Text, nullable=False),
)
