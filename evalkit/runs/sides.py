"""A stored run as one side of a comparison."""

from __future__ import annotations

from evalkit.records.layout import ResultLayout
from evalkit.reports.pairs import Side
from evalkit.reports.rows import lookup
from evalkit.runs.stored_run import StoredRun


def make_side(run: StoredRun, layout: ResultLayout) -> Side:
    """Return `run`, whose mode has `layout`, as a side of a comparison. Raises ConfigError when its grades are gone."""
    run.require_grades()
    run_name, model = run.config.get("run_name"), lookup(run.config, ("assistant", "model"))
    name = f"{run_name} ({model})" if run_name and model else str(run_name or model or "")
    return Side(
        name=name or run.root.name,
        directory=str(run.root),
        layout=layout,
        config=run.config,
        datasets=run.datasets,
        planned=len(run.planned),
        records=run.records,
        grades=run.grades,
    )
