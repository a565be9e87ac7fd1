"""Ed25519 and SHA-512 in plain Python, for MicroPython, which has neither.

Law: pure; imports nothing but itself.
"""
