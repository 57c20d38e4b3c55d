import json

import pytest
from session_mgmt_mcp import wire


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("1.10.0", "1.9.9", True),
        ("1.9.9", "1.10.0", False),
        ("1.0", "1.0.0", False),
        ("1.0.0", "1.0", False),
        ("2", "1.99", True),
        ("1.0.1", "1.0.0rc1", True),
        ("", "1.0.0", False),
        ("0.0.1", "", True),
        ("nonsense", "0", False),
        ("\u00b2", "1", False),
        ("9" * 5_000, "1", False),
    ],
)
def test_versions_compare_number_by_number(one, other, answer):
    assert wire.newer(one, other) is answer


def test_a_hello_line_carries_no_environment(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", "/p")
    said = wire.hello("mcp")
    assert said["project_dir"] == "/p"
    assert "sk-secret" not in json.dumps(said)
    assert set(said) == {"hello", "role", "version", "cwd", "project_dir", "session_id", "client_pid"}


def test_a_hello_from_a_folder_that_is_gone_names_none(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert wire.hello("mcp")["cwd"] == ""
