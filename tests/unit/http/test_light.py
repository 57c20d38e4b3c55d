"""Who does not serve over HTTP does not pay for it; uvicorn's outside comes with FastMCP."""

import subprocess
import sys

CODE = """
import sys, session_mgmt_mcp.hub, session_mgmt_mcp.opening
print([name for name in sys.modules if name.startswith(("uvicorn.protocols", "h11", "session_mgmt_mcp.http"))])
"""


def test_a_hub_imports_no_http_server():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
