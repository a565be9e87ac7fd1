"""Radios: one class each, given its stream or bus; the configuration names the module."""
