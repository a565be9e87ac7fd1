"""All attacks."""

from . import gateways, homes, people, radio, registry, strangers

_ENTERED = (gateways, homes, people, radio, strangers)  # each enters its own
ATTACKS = registry.ATTACKS
