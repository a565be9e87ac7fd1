"""What people decide and what must stay secret: directory, keys, accounts, orders, releases, certificates. Imports data."""
