"""Releases of a device's firmware: compiled, listed in a signed manifest, and the keys that sign.

Law: imports firmware's wire contract and updates; no network.
"""
