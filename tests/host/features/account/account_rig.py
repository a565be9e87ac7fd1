"""What the tests of the account share."""


def answers(running):
    """What answers log-ins at a receiver in this process, with its limits."""
    return running.receiver.site.answering("account", "page")
