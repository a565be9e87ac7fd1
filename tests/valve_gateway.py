"""A gateway with a main valve, on either runtime: `python -m valve_gateway DIR`; a closing is a line in DIR/valve."""

import asyncio
import sys

from firmware import main as gateway
from firmware.start import make


def main(folder):
    """Run the gateway of a folder."""
    g = make(folder, True)

    def close():
        with open(folder + "/valve", "a") as f:
            f.write("closed\n")
    g.valve = close
    asyncio.run(gateway._run(g))


main(sys.argv[1])
