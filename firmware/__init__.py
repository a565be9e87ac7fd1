"""The gateway: one asyncio loop for MicroPython and CPython."""
