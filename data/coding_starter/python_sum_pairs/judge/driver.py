"""Turns a call into one of the candidate's code; imported late, so that an error in it is the answer to the call."""


def call(fn, args):
    from pairs import count_pairs

    if fn == "count_pairs":
        return count_pairs(*args)
    if fn == "leaves_the_list":
        numbers = list(args[0])
        count_pairs(numbers, args[1])
        return numbers
    raise LookupError(fn)
