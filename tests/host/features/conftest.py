"""The tests of a feature are collected only while it is installed: they go with its folder."""

from pathlib import Path

import installed

collect_ignore = [f.name for f in Path(__file__).parent.iterdir() if f.is_dir() and f.name not in installed.FEATURES]
