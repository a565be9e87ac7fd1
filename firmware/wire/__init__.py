"""The wire contract between gateway and receiver: limits and errors here; records, envelope, cbor, orders beside.

Law: pure, for both runtimes, and the only part of the gateway that the receiver imports. It imports nothing but itself
and the codecs.
"""

PATH = "/v1/batches"
CONTENT_TYPE = "application/cbor-seq"
ANSWER_TYPE = "application/cbor"
MAX_BATCH = 32 * 1024  # bytes of a request body
MAX_RECORDS = 500
MAX_RECORD = 1024  # bytes; a telegram is at most 256
LAST_SEQ = (1 << 48) - 1  # of a record: a million a second for nine years


class WireError(ValueError):
    """The bytes do not follow the contract; the text says which rule."""
