"""Boards: a file each, with what is soldered to which pin. `board` in config.json names one.

Law: data only; imports nothing.
"""
