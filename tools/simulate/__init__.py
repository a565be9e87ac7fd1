"""A simulated street: meters, homes, HAN streams and the air between them, from the project's own encoders."""
