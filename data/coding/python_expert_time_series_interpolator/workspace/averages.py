"""Averages of a time series over stretches of time of equal length."""

from series import Filling, clean


def average(points, start, stop, width, filling=Filling(), min_coverage=0.0, duplicates="last"):
    """Return [time, mean, coverage] of each bucket that begins before stop."""
    raise NotImplementedError
