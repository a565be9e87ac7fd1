"""A simulated street: meters, homes, HAN streams and the air between them.

Law: the project's own encoders; imports no decoder, which it is to judge.
"""
