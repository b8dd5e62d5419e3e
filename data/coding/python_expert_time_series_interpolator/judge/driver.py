"""Calls the interpolator; options come as an object."""


def call(fn, args):
    import averages
    import interpolator
    import series

    *plain, options = args
    options = dict(options)
    names = [name for name in ("method", "max_gap", "edges") if name in options]
    filling = series.Filling(**{name: options.pop(name) for name in names})
    functions = {"interpolate": interpolator.interpolate, "resample": interpolator.resample, "average": averages.average}
    return functions[fn](*plain, filling=filling, **options)
