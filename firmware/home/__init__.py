"""The household's own: its meters, its electricity, the hours kept of both, and how a new owner finds none of it.

Only `han_port` may know the runtime.
"""
