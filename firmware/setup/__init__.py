"""How a gateway comes to belong to a works. Imports uplink, wire and crypto; it is given what touches the world."""
