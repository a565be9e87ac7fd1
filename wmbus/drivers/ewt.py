"""Elin Wasserwerkstechnik, now Diehl Metering: the same modules as under DME."""

from .dme import METERS  # noqa: F401
