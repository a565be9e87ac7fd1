"""Which firmware this is, and the earliest time it can be."""

VERSION = "0.1.0"
# Unix seconds before which this firmware did not exist: the floor under any clock (2026-01-01).
BUILT = 1767225600
