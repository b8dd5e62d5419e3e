"""Values of a time series at times between its points."""

from series import Filling, clean


def interpolate(points, times, filling=Filling(), duplicates="last"):
    """Return the value at each of some times, None where there is none."""
    raise NotImplementedError


def resample(points, start, stop, step, filling=Filling(), duplicates="last"):
    """Return [time, value] at start, start + step, ... before stop."""
    raise NotImplementedError
