"""Boards: a file each, with what is soldered to which pin and nothing else. `board` in config.json names one."""
