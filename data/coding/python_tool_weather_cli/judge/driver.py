"""Runs the tool: arguments and standard input in; exit code, output and error lines out."""


def call(fn, args):
    if fn == "write_number":
        from fractions import Fraction

        import units

        return [units.write_number(Fraction(text), args[1]) for text in args[0]]
    import weather_cli

    code, out, errors = weather_cli.run(list(args[0]), "\n".join(args[1]))
    return {"code": code, "out": out.split("\n"), "errors": errors.split("\n")}
