"""Kamstrup Water: the same meters as under KAM."""

from .kam import METERS  # noqa: F401
