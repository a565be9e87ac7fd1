"""A QR code (ISO/IEC 18004) of one size: version 5 (37 modules), level L, bytes, mask 0. Enough for an address.

Which mask is best is for readers with bad cameras; any may be used. 106 bytes go in, in one block of 108 data and 26
error correction codewords (Reed-Solomon over GF(256), polynomial 11D).
"""

SIZE, MOST = 37, 106  # modules; bytes
QUIET = 4  # modules of white around it (clause 5.3.8)
_DATA, _CHECK = 108, 26  # codewords
_LEVEL_L, _MASK = 1, 0


def matrix(data: bytes) -> "list[list[int]]":
    """The modules of some bytes, row by row, 1 for dark. Raises ValueError for more than MOST bytes."""
    if len(data) > MOST:
        raise ValueError(f"more than {MOST} bytes")
    modules, fixed = _patterns()
    bits = [int(bit) for word in _codewords(data) for bit in f"{word:08b}"]
    at = 0
    for right in range(SIZE - 1, 0, -2):
        right -= right <= 6  # the column of the timing pattern carries no data
        for down in range(SIZE):
            y = SIZE - 1 - down if (right + 1) & 2 == 0 else down
            for x in (right, right - 1):
                if not fixed[y][x]:
                    bit = bits[at] if at < len(bits) else 0
                    modules[y][x] = bit ^ ((x + y) % 2 == 0)
                    at += 1
    return modules


def path(data: bytes) -> str:
    """The dark modules as the path of an SVG whose viewBox is SIDE by SIDE."""
    return "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, row in enumerate(matrix(data))
                   for x, dark in enumerate(row) if dark)


SIDE = SIZE + 2 * QUIET


def _codewords(data):
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[n:n + 8].ljust(8, "0"), 2) for n in range(0, len(bits), 8)][:_DATA]
    words += [(0xEC, 0x11)[n % 2] for n in range(_DATA - len(words))]
    return words + _check(words)


def _times(a, b):
    product = 0
    for shift in range(7, -1, -1):
        product = product << 1 ^ (product >> 7) * 0x11D
        product ^= (b >> shift & 1) * a
    return product


def _check(words):
    """The Reed-Solomon remainder of the data."""
    generator, root = [0] * (_CHECK - 1) + [1], 1
    for _ in range(_CHECK):
        for n in range(_CHECK):
            generator[n] = _times(generator[n], root) ^ (generator[n + 1] if n + 1 < _CHECK else 0)
        root = _times(root, 2)
    rest = [0] * _CHECK
    for word in words:
        factor = word ^ rest.pop(0)
        rest.append(0)
        rest = [r ^ _times(g, factor) for r, g in zip(rest, generator)]
    return rest


def _patterns():
    """The modules that are the same for all data, and where they lie."""
    modules, fixed = ([[0] * SIZE for _ in range(SIZE)] for _ in range(2))

    def put(x, y, dark):
        if 0 <= x < SIZE and 0 <= y < SIZE:
            modules[y][x], fixed[y][x] = int(dark), 1
    for n in range(SIZE):
        put(6, n, n % 2 == 0)
        put(n, 6, n % 2 == 0)
    for x, y in ((3, 3), (SIZE - 4, 3), (3, SIZE - 4)):  # finders, each with its white border
        for dx in range(-4, 5):
            for dy in range(-4, 5):
                put(x + dx, y + dy, max(abs(dx), abs(dy)) not in (2, 4))
    for dx in range(-2, 3):
        for dy in range(-2, 3):
            put(SIZE - 7 + dx, SIZE - 7 + dy, max(abs(dx), abs(dy)) != 1)
    rest = word = _LEVEL_L << 3 | _MASK
    for _ in range(10):
        rest = rest << 1 ^ (rest >> 9) * 0x537
    word = (word << 10 | rest) ^ 0x5412
    first = [(8, n) for n in range(6)] + [(8, 7), (8, 8), (7, 8)] + [(14 - n, 8) for n in range(9, 15)]
    second = [(SIZE - 1 - n, 8) for n in range(8)] + [(8, SIZE - 15 + n) for n in range(8, 15)]
    for places in (first, second):
        for n, (x, y) in enumerate(places):
            put(x, y, word >> n & 1)
    put(8, SIZE - 8, 1)
    return modules, fixed
