"""What a client with a retry policy does, replayed over recorded outcomes of its attempts."""

RETRYABLE = frozenset({0, 408, 429, 500, 502, 503, 504})  # 0: no connection
WAIT_IS_TOLD = frozenset({429, 503})  # the answers whose retry_after counts


def classify(status):
    """Return 'success', 'retryable' or 'fatal' for the status of an attempt."""
    if 200 <= status <= 299:
        return "success"
    return "retryable" if status in RETRYABLE else "fatal"


def read_retry_after(text):
    """Return the milliseconds that a Retry-After header asks for, or None if it asks for nothing we understand."""
    raise NotImplementedError


def compute_wait(policy, failures, fraction):
    """Return the computed wait in milliseconds after so many failures, jitter taken off."""
    raise NotImplementedError


def replay(policy, outcomes, fractions=()):
    """Return what the client does: result, attempts, waits and elapsed_ms."""
    raise NotImplementedError
