"""Releases of a device's firmware: compiled, listed in a signed manifest, and the keys that sign. No network."""
