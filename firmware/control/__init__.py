"""Loads, tariff and main valve. Nothing here yet.

Law: the gateway's loop does not import it.
"""
