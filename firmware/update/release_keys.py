"""The release keys this firmware takes updates from: Ed25519 public keys, the one in use and its pinned successor.

None in the sources. `netti release build` puts the maker's in, so that a release accepts what its own maker signs next:
one signed by the successor brings the keys that hold from then on.
"""

KEYS = ()
