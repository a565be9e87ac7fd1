"""Radios: one class each, given its stream or bus; the configuration names the module. What several share begins with
an underscore. Each module's docstring says under PROVEN what it was tried against.

Law: imports the codecs and, where it must, `port`; importing one touches no hardware.
"""
