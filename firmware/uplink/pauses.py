"""How long to wait: after failures, and until a gateway's own place in the interval.

By a hash of the gateway's kid each gateway waits differently, so that a street does not call at once; nothing here is
drawn, so that a run can be played again.
"""

import hashlib


def spread(kid, n):
    """A number from 0 to 255 that differs between gateways and attempts, but not from run to run."""
    return hashlib.sha256(kid + n.to_bytes(4, "big")).digest()[0]


def around(seconds, kid, n):
    """These seconds, 25 % to either side by gateway and attempt."""
    return seconds * (192 + spread(kid, n) // 2) // 256 or 1


def after(kid, failures, first, most):
    """Seconds to wait after the n-th failure in a row: `first`, doubled each time up to `most`, 25 % to either side."""
    return around(min(first << min(failures - 1, 16), most), kid, failures)


def until_next(kid, interval, now):
    """Seconds from `now` to this gateway's own place in the interval; never 0."""
    phase = int.from_bytes(kid[:4], "big") % interval
    return interval - (now - phase) % interval
