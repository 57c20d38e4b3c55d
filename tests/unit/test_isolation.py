import os
import tempfile
from pathlib import Path

from session_mgmt_mcp import paths


def test_a_test_sees_only_its_own_home(tmp_path):
    assert Path.home().is_relative_to(tmp_path)
    assert paths.data_dir().is_relative_to(tmp_path)
    assert paths.log_dir().is_relative_to(tmp_path)
    assert Path(tempfile.gettempdir()).is_relative_to(tmp_path)


def test_a_socket_path_fits_in_the_kernels_limit():
    assert len(os.fsencode(paths.hub_socket(paths.data_dir()))) <= 107
