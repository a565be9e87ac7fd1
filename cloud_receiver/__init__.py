"""The receiver: takes signed batches from gateways, stores them before it answers, decodes them, shows them.

The core is thin: app (wiring), ingest, enrol, decode, api, pages, and a store behind one contract (stores/).
"""
