"""How a gateway comes to belong to a works. Given what touches the world; imports the uplink, the wire, the signature."""
