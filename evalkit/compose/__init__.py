"""The only door to Hydra and OmegaConf: command line in, plain validated-by-type dicts out.

Three steps, so that nothing starts and nothing is left behind when anything is wrong:

1. :func:`find_override_problems` checks every override against the schemas and the options in ``conf/``, all at once.
2. :func:`plan` composes every job of the line (one, or a sweep's product) without running it.
3. :func:`launch` hands the same line to Hydra, whose launcher runs each job where it likes.

The types Hydra checks while composing are generated from ``schemas/``: there is one source.
"""

from evalkit.compose.jobs import Destination, Job, Plan, RunJob, Source, packaged_source, slug
from evalkit.compose.launching import LaunchError, call_hydra, launch
from evalkit.compose.overrides import find_override_problems, quote_text_values
from evalkit.compose.planning import plan
from evalkit.compose.run_types import register

__all__ = [
    "Destination",
    "Job",
    "LaunchError",
    "Plan",
    "RunJob",
    "Source",
    "call_hydra",
    "find_override_problems",
    "launch",
    "packaged_source",
    "plan",
    "quote_text_values",
    "register",
    "slug",
]

register()
