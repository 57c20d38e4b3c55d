"""The shim in front of the small hub, with less patience: its figures in seconds, the hub's quiet and the dial's."""

import sys
from functools import partial
from pathlib import Path

from session_mgmt_mcp import dial, shim

if __name__ == "__main__":
    shim.QUIET_SECONDS = float(sys.argv[1])
    shim.Dial = partial(dial.Dial, patience=float(sys.argv[2]))
    sys.exit(shim.run((sys.executable, "-P", str(Path(__file__).parent.parent / "tiny.py"))))
