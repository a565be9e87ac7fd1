"""Updates of a device's firmware: signed releases, and the two slots they go into.

Law: imports the wire contract, the uplink and the signature; `updater` alone may know the runtime.
"""
