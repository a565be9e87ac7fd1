"""Ed25519 and SHA-512 in plain Python, for MicroPython, which has neither. Pure; imports nothing but itself."""
