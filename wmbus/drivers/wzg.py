"""E. Wehrle under the code WZG: the same meters as under WEH."""

from .weh import METERS  # noqa: F401
