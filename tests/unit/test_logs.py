import json
import logging
import warnings
from pathlib import Path

import pytest
from session_mgmt_mcp import logs, paths

KEY = "sk-ant-api03-" + "aB3dE5fG7h" * 9 + "AA"


@pytest.fixture
def log():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure()
    yield paths.log_dir() / logs.FILE_NAME
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(file: Path):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_line_is_one_json_object(log):
    logging.getLogger("a.b").warning("two\nlines %d", 5)
    [line] = lines(log)
    assert (line["level"], line["logger"], line["message"]) == ("warning", "a.b", "two\nlines 5")


def test_secrets_are_redacted_in_messages_and_tracebacks(log):
    try:
        raise ValueError(f"bad key {KEY}")
    except ValueError:
        logging.getLogger("x").exception("with %s", KEY)
    assert KEY not in log.read_text()
    assert "ValueError" in lines(log)[0]["exception"]


def test_a_secret_that_looks_like_none_is_hidden_once_it_is_known(log, monkeypatch):
    monkeypatch.setattr(logs, "_hidden", set())
    logs.hide("correct-horse")
    logs.hide("abc")
    try:
        raise ValueError("Illegal header value b'Bearer correct-horse'")
    except ValueError:
        logging.getLogger("x").exception("abc of %s", "correct-horse")
    assert "correct-horse" not in log.read_text() and lines(log)[0]["message"].startswith("abc of")


@pytest.mark.parametrize("name", ["openai._base_client", "anthropic", "httpx", "httpcore2.http11"])
def test_what_an_sdk_tells_of_its_requests_is_not_written_down(log, name, monkeypatch):
    monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)  # as their own variables set it
    logging.getLogger(name).debug("Request options: the prompt")
    logging.getLogger(name).info("POST https://host/v1")
    assert log.read_text() == ""
    logging.getLogger(name).warning("it is old")
    assert len(lines(log)) == 1


def test_the_file_is_the_owners_only_and_rotates(log, monkeypatch):
    [handler] = [handler for handler in logging.getLogger().handlers if isinstance(handler, logs.OwnersFile)]
    handler.maxBytes = 1_000
    for n in range(50):
        logging.getLogger("x").info("line %d %s", n, "." * 100)
    files = sorted(log.parent.glob("hub.log*"))
    assert len(files) == 1 + logs.KEPT_FILES
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_warnings_are_logged_too(log):
    warnings.warn("old", stacklevel=1)
    assert "old" in lines(log)[0]["message"]


def test_a_lone_surrogate_is_no_reason_to_lose_a_line(tmp_path):
    handler = logs.OwnersFile(tmp_path / "log")
    handler.setFormatter(logs.JsonLines())
    handler.emit(logging.makeLogRecord({"msg": "half \ud800"}))
    handler.close()
    assert "half" in lines(tmp_path / "log")[0]["message"]


def test_what_fastmcp_logs_goes_the_same_way(log, capsys):
    import fastmcp.server.server

    fastmcp.utilities.logging.configure_logging()
    logs.configure()
    logging.getLogger("fastmcp.server").error("with %s", KEY)
    [line] = lines(log)
    assert line["logger"] == "fastmcp.server"
    assert KEY not in line["message"]
    assert capsys.readouterr().err == ""


def test_debug_logs_more(log):
    logging.getLogger("x").debug("hidden")
    logs.configure(debug=True)
    logging.getLogger("x").debug("shown")
    assert [line["message"] for line in lines(log)] == ["shown"]


def test_a_folder_that_cannot_be_made_leaves_stderr(tmp_path, log, capsys):
    (tmp_path / "file").write_text("")
    logs.configure(folder=tmp_path / "file" / "logs")
    logging.getLogger("x").info("still said")
    assert json.loads(capsys.readouterr().err)["message"] == "still said"
