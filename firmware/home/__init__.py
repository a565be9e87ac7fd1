"""The household's own: its meters, its electricity, the hours kept of both, and how a new owner finds none of it.

Law: imports the codecs and the wire contract; `han_port` alone may know the runtime.
"""
