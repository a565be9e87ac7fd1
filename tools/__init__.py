"""The `netti` command and what it needs; installed under the name `netti_tools`.

Law: imports everything, and nothing imports it.
"""
