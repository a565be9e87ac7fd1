"""How a gateway comes to belong to a works.

Law: imports uplink, wire and crypto; it is given what touches the world.
"""
