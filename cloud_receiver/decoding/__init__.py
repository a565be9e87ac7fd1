"""Telegrams into readings, with the works' keys, behind the batches. May import stores, office and data."""
