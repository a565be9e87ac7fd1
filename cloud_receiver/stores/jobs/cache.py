"""What the one connection that writes to a store remembers of it, so that the common batch looks up little."""

MOST_METERS = 200_000  # remembered


class WriterCache:
    """Rows and times of meters. True as long as this connection alone writes, and forgets what it takes back."""

    def __init__(self):
        self.rows: "dict[str, int]" = {}  # a meter's text -> its row
        self.last_heard: "dict[str, int]" = {}  # a meter's text -> Unix seconds, of those whose row is known
        self.crowded: "set[int]" = set()  # gateways (rows) that hear what others hear

    def forget(self) -> None:
        """Look up meters anew: what is remembered may have been taken back, or changed elsewhere."""
        self.rows.clear()
        self.last_heard.clear()
