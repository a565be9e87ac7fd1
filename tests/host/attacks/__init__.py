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
