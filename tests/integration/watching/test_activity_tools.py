"""Activity in real folders, noted and told through a real client."""

import asyncio

import pytest


async def call(client, name: str, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client, name: str, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    return result.content[0].text


@pytest.fixture
async def product(product_in, desk):
    async with product_in(desk.root, desk.session) as opened:
        yield opened


@pytest.fixture
def client(product):
    return product[1]


async def files_of(client, count: int, **arguments) -> list[dict]:
    async with asyncio.timeout(20):
        while (reply := await call(client, "get_active_files", **arguments))["total"] < count:
            await asyncio.sleep(0.1)
    return reply["files"]


async def test_it_is_off_until_it_is_started_and_says_so(client, desk):
    for name in ("get_activity_summary", "get_context_insights", "get_active_files"):
        reply = await call(client, name)
        assert not reply["monitoring"] and "Monitoring is off" in reply["summary"]
    desk.write("cart.py", "changed\n")
    await asyncio.sleep(0.5)
    assert (await call(client, "get_active_files"))["total"] == 0


async def test_what_changes_in_the_named_folders_is_told_and_nothing_else(client, desk, tmp_path):
    desk.write(".gitignore", "*.log\n")
    (tmp_path / "elsewhere").mkdir()
    started = await call(client, "start_app_monitoring")
    assert [one["folder"] for one in started["watched"]] == [str(desk.root)] and started["watched"][0]["folders"] >= 1
    (tmp_path / "elsewhere" / "diary.txt").write_text("x")
    desk.write("build.log", "x\n")
    desk.write("cart.py", "changed\n")
    desk.write("neu ü.py", "new\n")
    files = await files_of(client, 2)
    assert {file["path"] for file in files} == {"cart.py", "neu ü.py"}
    summary = await call(client, "get_activity_summary")
    assert summary["files"] == 2 and summary["kinds"] == {".py": summary["changes"]} and summary["minutes"] in (1, 2)
    assert list(summary["projects"]) == [files[0]["project"]] and "Noted since" in summary["summary"]
    insights = await call(client, "get_context_insights")
    assert (insights["focus"], insights["share"], insights["switches"]) == (files[0]["project"], 1.0, 0)
    assert "100% of the minutes" in insights["summary"] and len(insights["stretches"]) == 1


async def test_a_sub_folder_that_is_named_is_not_widened_to_its_repository(client, desk):
    desk.write("src/a.py", "a\n")
    await call(client, "start_app_monitoring", project_paths=[str(desk.root / "src")])
    desk.write("cart.py", "changed\n")
    desk.write("src/a.py", "changed\n")
    assert [file["path"] for file in await files_of(client, 1)] == ["a.py"]


async def test_stopping_leaves_what_was_noted_and_notes_no_more(client, desk):
    await call(client, "start_app_monitoring")
    desk.write("cart.py", "changed\n")
    await files_of(client, 1)
    stopped = await call(client, "stop_app_monitoring")
    assert [one["state"] for one in stopped["stopped"]] == ["off"]
    desk.write("price.py", "changed\n")
    await asyncio.sleep(0.5)
    reply = await call(client, "get_active_files", project="shop")
    assert [file["path"] for file in reply["files"]] == ["cart.py"] and "Monitoring is off" in reply["summary"]
    assert "nothing was changed" in (await call(client, "stop_app_monitoring"))["summary"]


async def test_wrong_paths_are_answered_in_one_sentence_and_nothing_is_on(client, desk, product):
    assert "project_paths: give an absolute path" in await refused(
        client, "start_app_monitoring", project_paths=["shop"]
    )
    paths = [str(desk.root), str(desk.root / "gone")]
    assert "no folder" in await refused(client, "start_app_monitoring", project_paths=paths)
    assert "no folder" in await refused(client, "start_app_monitoring", project_paths=[str(desk.root / "cart.py")])
    assert not product[0].activity.busy


async def test_a_reply_holds_its_budget(product_in, desk):
    async with product_in(desk.root, desk.session, max_tokens=600) as (_, client):
        await call(client, "start_app_monitoring")
        for n in range(300):
            desk.write(f"some/folder/{n:03}.py", "x\n")
        async with asyncio.timeout(20):
            while not (text := (await client.call_tool("get_active_files", {})).content[0].text).count("Cut to 600"):
                await asyncio.sleep(0.2)
        assert len(text) < 600 * 5
        for name in ("get_activity_summary", "get_context_insights"):
            assert len((await client.call_tool(name, {})).content[0].text) < 600 * 5
