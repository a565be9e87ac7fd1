"""Hydrometer, now Diehl Metering: the same meters as under DME."""

from .dme import METERS  # noqa: F401
