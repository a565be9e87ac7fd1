"""The gateway: one asyncio loop for MicroPython and CPython.

Law: imports the codecs; only the edges import `port`; main and boot never move, as a boot.py in the field imports
`firmware.main`.
"""
