"""The way to the receiver: batches over HTTPS, files of an update, the Wi-Fi under it. May know the runtime.

Law: imports the wire contract, the signature and the configuration; not the gateway, whose parts it is given.
"""
