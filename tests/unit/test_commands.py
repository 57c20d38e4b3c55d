"""Slash commands, MCP prompts and shortcut files say the same."""

import json
import os
import re
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from session_mgmt_mcp import cli, shortcuts
from session_mgmt_mcp.commands import COMMANDS, OURS, SHORTCUTS, plugin_page, prompt_text, shortcut_page
from session_mgmt_mcp.shortcuts import install_shortcuts, summary

IDS = [command.name for command in COMMANDS]
ALL = ["start", "checkpoint", "end"]


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"]) / ".claude" / "commands"


def head_of(page: str) -> dict[str, str]:
    head = re.fullmatch(r"---\n(.*?)\n---\n.*", page, re.DOTALL)
    return dict(line.split(": ", 1) for line in head[1].splitlines())


def test_the_plugin_has_a_page_of_each_command_and_no_other():
    pages = Path(__file__).resolve().parents[2] / "plugin" / "commands"
    assert {file.stem: file.read_text() for file in pages.iterdir()} == {c.name: plugin_page(c) for c in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
def test_a_page_allows_what_it_calls_and_passes_on_what_was_typed(command):
    for page in (plugin_page(command), shortcut_page(command)):
        allowed = head_of(page)["allowed-tools"].split(", ")
        body = page.split("---\n", 2)[2]
        assert set(re.findall(r"mcp__[\w-]+", body)) <= set(allowed)
        assert all(name.endswith(("__" + command.name, *("__" + more for more in command.more))) for name in allowed)
        assert body.count("$ARGUMENTS") == 1 and command.then in body
        assert not head_of(page)["argument-hint"].startswith("[")  # that would be a list


async def test_each_command_is_a_prompt_with_its_arguments(product_in, shop):
    async with product_in(shop) as (_, client):
        prompts = {prompt.name: prompt for prompt in await client.list_prompts()}
        assert list(prompts) == [command.name for command in COMMANDS]
        for command in COMMANDS:
            shown = prompts[command.name]
            assert shown.description == command.description
            assert [(a.name, a.description, a.required) for a in shown.arguments or []] == [
                (a.name, a.description, a.required) for a in command.arguments
            ]
            given = {argument.name: f"<{argument.name}>" for argument in command.arguments}
            [message] = (await client.get_prompt(command.name, given)).messages
            assert message.role == "user" and message.content.text == prompt_text(command, " ".join(given.values()))
            assert f"`{command.name}`" in message.content.text


async def test_a_prompt_without_what_it_needs_says_what(product_in, shop):
    async with product_in(shop) as (_, client):
        with pytest.raises(MCPError, match="quick_search needs query"):
            await client.get_prompt("quick_search", {"query": "  "})
        [message] = (await client.get_prompt("checkpoint", {})).messages
        assert "(nothing was given)" in message.content.text


def test_shortcuts_are_written_where_the_client_looks(folder):
    assert [(one.name, one.file, one.state) for one in install_shortcuts()] == [
        (name, folder / f"{name}.md", "written") for name in ALL
    ]
    for command in SHORTCUTS:
        assert (folder / f"{command.name}.md").read_text() == shortcut_page(command)
    assert [one.state for one in install_shortcuts()] == ["current"] * 3


def test_shortcuts_follow_the_moved_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "moved"))
    install_shortcuts()
    assert sorted(file.name for file in (tmp_path / "moved" / "commands").iterdir()) == sorted(f"{n}.md" for n in ALL)


def test_a_shortcut_of_somebody_else_is_left_alone_and_an_older_one_of_ours_is_not(folder):
    folder.mkdir(parents=True)
    (folder / "start.md").write_text("my own start\n")
    (folder / "end.md").write_text(f"as it was\n{OURS}\n")
    (folder / "checkpoint.md").write_bytes(b"\xff" + OURS.encode())  # not a line of its own
    done = install_shortcuts()
    assert [one.state for one in done] == ["theirs", "theirs", "written"]
    assert (folder / "start.md").read_text() == "my own start\n"
    assert (folder / "checkpoint.md").read_bytes() == b"\xff" + OURS.encode()
    assert "as it was" not in (folder / "end.md").read_text()
    assert summary(done) == "Written: /end. Left alone, because they are not ours: /start, /checkpoint."


def test_a_folder_that_cannot_hold_them_is_said_and_no_more(folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    done = install_shortcuts()
    assert [one.state for one in done] == ["failed"] * 3 and str(folder) in summary(done)
    assert folder.read_text() == "in the way"


def test_one_that_cannot_be_read_does_not_keep_the_others_back(folder):
    (folder / "checkpoint.md").mkdir(parents=True)
    done = install_shortcuts()
    assert [one.state for one in done] == ["written", "failed", "written"]
    assert summary(done).startswith("Written: /start, /end. Not written: ") and "checkpoint.md" in summary(done)


async def test_every_command_has_its_tool(product_in, shop):
    async with product_in(shop) as (_, client):
        tools = {tool.name: tool.input_schema["properties"] for tool in await client.list_tools()}
    for command in COMMANDS:
        assert {argument.name for argument in command.arguments} <= set(tools[command.name]), command.name


def test_setup_writes_shortcuts_only_when_asked_for(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["setup", "--yes", "--json"]) == 0
    assert any("--shortcuts" in note for note in json.loads(capsys.readouterr().out)["notes"])
    assert not folder.exists()
    assert cli.main(["setup", "--yes", "--no-shortcuts", "--json"]) == 0
    assert not any("--shortcuts" in note for note in json.loads(capsys.readouterr().out)["notes"])
    assert cli.main(["setup", "--shortcuts", "--dry-run"]) == 0
    assert "checkpoint.md" in capsys.readouterr().out and not folder.exists()
    assert cli.main(["setup", "--yes", "--shortcuts"]) == 0
    assert len(list(folder.iterdir())) == 3


def test_setup_offers_shortcuts_to_a_person(folder, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    asked = []

    def confirm(question, **_):
        asked.append(question)
        return True

    monkeypatch.setattr("typer.confirm", confirm)
    assert cli.main(["setup"]) == 0
    assert "/checkpoint" in asked[0] and len(asked) == 2 and len(list(folder.iterdir())) == 3
    assert cli.main(["setup"]) == 0
    assert len(asked) == 2  # all is there


@pytest.mark.parametrize("beside", [True, False])
def test_uninstall_takes_its_shortcuts_and_no_others(folder, monkeypatch, tmp_path, beside):
    monkeypatch.chdir(tmp_path)
    install_shortcuts()
    if beside:
        (folder / "start.md").write_text("my own start\n")
        (folder / "mine.md").write_text("mine\n")
    assert len(shortcuts.planned_removal()) == (2 if beside else 3)
    assert cli.main(["uninstall", "--yes"]) == 0
    if beside:
        assert sorted(file.name for file in folder.iterdir()) == ["mine.md", "start.md"]
    else:
        assert not folder.exists()
