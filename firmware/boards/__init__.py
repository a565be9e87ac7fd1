"""Boards: one file each, with pins only; the configuration names the file."""
