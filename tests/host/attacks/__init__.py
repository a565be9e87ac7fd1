"""Attacks on a running receiver and on gateway processes, each a function that tries one thing and says what it saw.

    radio       somebody with a transmitter: what gateways hear and relay
    gateways    whoever holds the key of one enrolled gateway
    strangers   somebody on the network
    people      whoever reaches the pages, with an account or without, and what is left of whom
    homes       at a gateway process, on either runtime: its radio, its receiver, its HAN port

An attack is a function with `@attack(WHO)`: what it is given is a ground.Ground or a homes.Home. It returns None where
it was held, else what was seen where it succeeded: in pages, API, store, answers, logs, never in a defence's insides.
It raises where it could not be carried out, which counts as neither. Its docstring says what it tries.

mutants.py has for each defence the process without it, which the attack that it names must get through.
"""

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


def load():
    """All attacks, by name."""
    from . import gateways, homes, people, radio, strangers  # noqa: F401 - each enters its own
    return ATTACKS
