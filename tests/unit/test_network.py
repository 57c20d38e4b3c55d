import os
import socket
import subprocess
import sys

import pytest

ELSEWHERE = "192.0.2.1"  # reserved for documentation: nobody is there


def test_a_test_cannot_leave_this_machine():
    with socket.socket() as out, pytest.raises(OSError, match="may not connect"):
        out.connect((ELSEWHERE, 80))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for its routes")
def test_in_ci_no_process_has_a_way_out():
    code = f"import socket; socket.create_connection(('{ELSEWHERE}', 80), timeout=0.2)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    if os.environ.get("SESSION_MGMT_NOTHING_SKIPPED"):
        assert "Network is unreachable" in done.stderr
