"""Loads, tariff and main valve. Nothing here yet: the gateway loop does not import it."""
