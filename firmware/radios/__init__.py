"""Radios: one class each, given its stream or bus; the configuration names the module.

Law: imports the codecs and, where it must, `port`; importing one touches no hardware.
"""
