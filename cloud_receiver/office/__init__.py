"""What people decide and what must stay secret: keys, accounts, orders, releases, certificates.

Law: imports data only; no aiohttp.
"""
