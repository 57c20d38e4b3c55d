"""Who does not serve over HTTP does not pay for it."""

import subprocess
import sys


def test_a_hub_imports_no_http_server():
    code = "import sys, session_mgmt_mcp.hub, session_mgmt_mcp.opening; print(sorted(m for m in sys.modules if m.startswith(('uvicorn', 'session_mgmt_mcp.http'))))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
