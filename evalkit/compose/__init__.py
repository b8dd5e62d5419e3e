"""The only door to Hydra and OmegaConf: command line in, plain dicts of checked types out.

Three steps, so that nothing starts and nothing is left behind when anything is wrong:

1. :mod:`~evalkit.compose.overrides` checks every override against the schemas and the options in ``conf/``, at once.
2. :mod:`~evalkit.compose.planning` composes every job of the line (one, or a sweep's product) without running it.
3. :mod:`~evalkit.compose.launching` hands the same line to Hydra, whose launcher runs the jobs.

The types that Hydra checks while composing are generated from ``schemas/``: there is one source.
"""
