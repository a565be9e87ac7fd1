"""The attacks that there are: each enters itself."""

from collections import namedtuple

# name; who: radio, gateway, stranger or user; at: "receiver" or "gateway", the process that is attacked; alone: needs a
# process of its own; quick: is in the quick campaign; run: the function.
Attack = namedtuple("Attack", ("name", "who", "at", "alone", "quick", "run"))
WHO = ("radio", "gateway", "stranger", "user")
ATTACKS: "dict[str, Attack]" = {}


def attack(who, at="receiver", alone=False, quick=True):
    """Enter a function among the attacks."""
    assert who in WHO

    def enter(run):
        assert run.__name__ not in ATTACKS and run.__doc__, run.__name__
        ATTACKS[run.__name__] = Attack(run.__name__, who, at, alone, quick, run)
        return run
    return enter
