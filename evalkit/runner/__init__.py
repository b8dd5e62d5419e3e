"""A job's life in the order it happens: prepare, see what remains, run, conclude; sweeps, forecast, interruption."""
