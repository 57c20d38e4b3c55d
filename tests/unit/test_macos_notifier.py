"""Notifications of macOS, with a program that takes `osascript`'s arguments and says what it was given."""

import ast
import sys
import time

import pytest
from session_mgmt_mcp.adapters.macos.notifier import SCRIPT, OsascriptNotifier
from session_mgmt_mcp.contracts.notifier import NotifierContract
from session_mgmt_mcp.ports.errors import Unavailable

FAKE = """#!{python}
import getopt, sys
options, arguments = getopt.getopt(sys.argv[1:], "e:")
with open({log!r}, "a") as log:
    log.write(repr(([line for _, line in options], arguments)) + "\\n")
"""


class Shown:
    """What the program was given; iterates over titles and texts."""

    def __init__(self, log) -> None:
        self.log = log

    def __iter__(self):
        for line in self.log.read_text().splitlines():
            script, (first, title, text) = ast.literal_eval(line)
            assert (tuple(script), first) == (SCRIPT, "reminder")
            yield title, text


@pytest.fixture
def program(tmp_path):
    program = tmp_path / "osascript"
    program.write_text(FAKE.format(python=sys.executable, log=str(tmp_path / "log")))
    program.chmod(0o700)
    return program


class TestMacOS(NotifierContract):
    @pytest.fixture
    def notifier(self, program):
        return OsascriptNotifier(str(program))

    @pytest.fixture
    def shown(self, tmp_path):
        return Shown(tmp_path / "log")

    @pytest.fixture
    def nowhere(self, tmp_path):
        return OsascriptNotifier(str(tmp_path / "nothing"))


async def test_no_text_is_taken_for_an_option_or_for_script(program, tmp_path):
    for title in ("-e", "--", '" & (do shell script "id") & "'):
        await OsascriptNotifier(str(program)).notify(title, "-l JavaScript")
    assert [title for title, _ in Shown(tmp_path / "log")] == ["-e", "--", '" & (do shell script "id") & "']


async def test_a_program_that_fails_or_hangs_is_no_desktop(tmp_path, monkeypatch):
    monkeypatch.setattr("session_mgmt_mcp.adapters.macos.notifier.SECONDS", 0.3)
    began = time.monotonic()
    for name, script, said in (("fails", "exit 1", "ended with 1"), ("hangs", "exec sleep 60", "does not answer")):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        with pytest.raises(Unavailable, match=said):
            await OsascriptNotifier(str(program)).notify("Call Bob", "")
    assert time.monotonic() - began < 20
    with pytest.raises(Unavailable, match="cannot be run"):
        await OsascriptNotifier(sys.executable).notify("a\0b", "")
