"""Captures: files of telegrams and HAN messages as people have them, told apart by what they hold.

Law: imports the codecs; of the receiver only its AES and its clock's times as text.

`pieces(stream, name)` yields one `Piece` per frame, whatever the form: plain hex lines, hex dumps with offsets,
wmbusmeters' `telegram=|…|` lines, the CSV lines of rtl_wmbus, raw bytes of a HAN port, raw bytes of a radio. A line or
a stretch of bytes that holds no frame is a Piece too, with its fault in words: reading goes on behind it.
"""

from .piece import Piece
from .reading import pieces

__all__ = ["Piece", "pieces"]
