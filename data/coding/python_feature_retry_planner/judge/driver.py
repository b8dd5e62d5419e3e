"""Calls the retry planner with a policy given as settings."""


def call(fn, args):
    import policy
    import retry

    if fn == "read_retry_after":
        return retry.read_retry_after(*args)
    if fn == "compute_wait":
        return [retry.compute_wait(policy.make_policy(args[0]), failures, args[2]) for failures in args[1]]
    return retry.replay(policy.make_policy(args[0]), *args[1:])
