"""What people decide and what must stay secret: keys, accounts, orders, releases, certificates. Imports data only."""
