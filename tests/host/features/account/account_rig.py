"""What the tests of the account share."""


def limits(running):
    """The limits of log-ins at a receiver in this process."""
    return running.receiver.site.answering("account", "page").limits


def stop_time(running):
    """No time passes for them, however slow the machine is; returns what sets it."""
    at = [1000.0]
    limits(running).delays.clock = limits(running).by_address.clock = lambda: at[0]

    def go(seconds):
        at[0] += seconds
    return go
