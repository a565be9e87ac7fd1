"""Telegrams into readings, with the works' keys, behind the batches.

Law: imports stores, office and data; no aiohttp.
"""
