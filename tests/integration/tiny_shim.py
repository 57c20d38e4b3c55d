"""The shim, with the small server's hub behind it; `python tiny_shim.py VERSION` pretends to be of that version."""

import sys
from pathlib import Path

from session_mgmt_mcp import dial, shim, wire

COMMAND = (sys.executable, "-P", str(Path(__file__).resolve().with_name("tiny.py")))

if __name__ == "__main__":
    if len(sys.argv) > 1:
        dial.VERSION = wire.VERSION = sys.argv[1]
    sys.exit(shim.run(COMMAND))
