"""Kaden under its own code: the same meters as under VIP."""

from .vip import METERS  # noqa: F401
