"""The tools of several projects, through a real client."""

import pytest
from session_mgmt_mcp import connection
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import Unavailable

REFUSED = "Exit code 1\nE   ConnectionRefusedError: [Errno 111] Connection refused"


async def depend(desk, source: str, target: str, relation: str = "uses") -> dict:
    names = {"source_project": desk.id(source), "target_project": desk.id(target)}
    return await desk.ask("add_project_dependency", **names, dependency_type=relation)


async def family(desk) -> None:
    """shop uses payments extends core; blog stands beside shop in a group; nobody names attic."""
    for name in ("shop", "payments", "core", "blog", "attic"):
        session = desk.session(name, "talk")
        session.user(f"How are requests of {name} retried?")
        session.assistant(f"Requests of {name} are retried three times, with jitter.")
    await depend(desk, "shop", "payments")
    await depend(desk, "payments", "core", "extends")
    await desk.ask("create_project_group", name="web", projects=[desk.id("shop"), desk.id("blog")])


async def test_a_search_sees_the_projects_around_and_tells_the_way_there(desk):
    await family(desk)
    reply = await desk.ask("search_across_projects", query="how are requests retried", limit=50)
    assert [(one["project"], one["distance"], one["path"]) for one in reply["searched"]] == [
        (desk.id("shop"), 0.0, ""),
        (desk.id("payments"), 1.0, "shop uses payments"),
        (desk.id("blog"), 1.5, "shop is in group web with blog"),
        (desk.id("core"), 1.75, "shop uses payments extends core"),
    ]
    ways = {one["project"]: (one["distance"], one["path"]) for one in reply["searched"]}
    assert all(ways[hit["project"]] == (hit["distance"], hit["path"]) for hit in reply["hits"])
    assert {hit["project"] for hit in reply["hits"]} == ways.keys() and desk.id("attic") not in str(reply)
    assert reply["suggestions"] == [] and "3 projects around it" in reply["summary"]


async def test_while_groups_cannot_be_read_the_project_itself_is_searched_and_the_reply_says_so(desk, monkeypatch):
    await family(desk)

    async def away(collection: str, key: str) -> None:
        raise Unavailable("Redis at localhost does not answer: start it, then call again.")

    monkeypatch.setattr(desk.app.project_graph._storage, "get", away)
    reply = await desk.ask("search_across_projects", query="how are requests retried", limit=50)
    assert {hit["project"] for hit in reply["hits"]} == {desk.id("shop")} and reply["suggestions"] == []
    assert "alone. Groups and dependencies could not be read: Redis at localhost" in reply["summary"]
    told = await desk.ask("get_project_insights")
    assert told["projects"] == [desk.id("shop")] and "Redis at localhost does not answer" in told["note"]
    named = await desk.ask("get_project_insights", projects=["shop", "payments"])
    assert named["projects"] == [desk.id("shop"), desk.id("payments")] and "Redis" not in named["note"]


async def test_of_equal_answers_the_nearest_comes_first(desk):
    await family(desk)
    hits = (await desk.ask("search_across_projects", query="retried with jitter", limit=4, explain=True))["hits"]
    assert [hit["distance"] for hit in hits] == [0.0, 1.0, 1.5, 1.75]
    near = [hit["why"]["near"] for hit in hits]
    assert near == sorted(near, reverse=True) and near[-1] > 0
    assert all(hit["trust"] and hit["time"] and hit["id"] for hit in hits)


async def test_the_start_is_the_callers_project_unless_another_is_named(desk):
    await family(desk)
    for named in (desk.id("core"), "core", desk.folder("core")):
        reply = await desk.ask("search_across_projects", query="requests retried", current_project=named)
        assert reply["project"] == desk.id("core")
        assert [one["path"] for one in reply["searched"][1:]] == [
            "core is extended by payments",
            "core is extended by payments is used by shop",
            "core is extended by payments is used by shop is in group web with blog",
        ]


async def test_without_group_or_dependency_it_says_so_and_suggests(desk):
    for number in range(3):
        session = desk.session("shop", f"s{number}")
        session.user("The checkout of the storefront asks payments for a receipt token")
        session.edit(f"/home/you/payments/receipts_{number}.py", "/home/you/shop/checkout.py")
        session = desk.session("payments", f"p{number}")
        session.user("A receipt token of the storefront expires")
        session.edit(f"/home/you/payments/receipts_{number}.py")
        desk.session("attic", f"a{number}").user("Old recipes for soup")
    reply = await desk.ask("search_across_projects", query="receipt token")
    assert {hit["project"] for hit in reply["hits"]} == {desk.id("shop")}
    assert (
        "no group or dependency leads to another project" in reply["summary"]
        and desk.id("payments") in reply["summary"]
    )
    [suggested] = reply["suggestions"]
    assert suggested["project"] == desk.id("payments")
    why = " ".join(suggested["why"])
    assert "3 of its files are named here" in why and "memories here say payments" in why
    await depend(desk, "shop", "attic")
    assert (await desk.ask("search_across_projects", query="receipt token"))["suggestions"] == []


async def test_a_neighbour_of_which_nothing_is_remembered_is_said(desk):
    desk.session("shop", "s").user("How are requests retried?")
    await depend(desk, "shop", "core")
    reply = await desk.ask("search_across_projects", query="requests retried")
    assert f"nothing is remembered here: {desk.id('core')}" in reply["summary"] and len(reply["hits"]) == 1


async def test_pages_go_on_where_the_search_stopped(desk):
    await family(desk)
    first = await desk.ask("search_across_projects", query="requests retried", limit=3)
    rest = await desk.ask("get_more_results", query="requests retried", cursor=first["cursor"], limit=50)
    seen = [hit["id"] for reply in (first, rest) for hit in reply["hits"]]
    assert len(seen) == len(set(seen)) == 8


async def test_a_group_is_listed_grown_and_dissolved_only_when_somebody_wants_it(desk):
    await family(desk)
    again = await desk.ask("create_project_group", name="Web", projects=["core", "blog"], description="what is seen")
    assert again["added"] == [desk.id("core")] and "it has 3 projects now" in again["summary"]
    listed = await desk.ask("list_project_groups")
    assert [(one["name"], one["description"]) for one in listed["groups"]] == [("web", "what is seen")]
    assert [one["type"] for one in listed["dependencies"]] == ["extends", "uses"]
    only = await desk.ask("list_project_groups", project="payments")
    assert only["groups"] == [] and len(only["dependencies"]) == 2
    assert "confirm=true" in await desk.refused("remove_project_group", name="web")
    await desk.ask("remove_project_group", name="web", projects=["core"], confirm=True)
    assert (await desk.ask("list_project_groups"))["groups"][0]["projects"] == [desk.id("shop"), desk.id("blog")]
    gone = await desk.ask("remove_project_group", name="web", confirm=True)
    assert gone["groups"][0]["name"] == "web" and (await desk.ask("list_project_groups"))["groups"] == []
    assert "There is no group" in await desk.refused("remove_project_group", name="web", confirm=True)


async def test_what_was_in_no_group_is_not_told_as_removed(desk):
    await family(desk)
    gone = await desk.ask("remove_project_group", name="WEB", projects=["blog", "payments", "blog"], confirm=True)
    assert gone["summary"].startswith(f"Removed: {desk.id('blog')} from group web;")


async def test_a_group_of_one_project_is_not_told_as_none(desk):
    desk.session("shop", "s").user("The checkout of the storefront asks payments for a receipt token")
    await desk.ask("create_project_group", name="web", projects=["shop"])
    reply = await desk.ask("search_across_projects", query="receipt token")
    assert "alone: no group or dependency leads to another project" in reply["summary"]


async def test_a_dependency_is_removed_only_when_somebody_wants_it(desk):
    await family(desk)
    names = {"source_project": "shop", "target_project": "payments"}
    assert "confirm=true" in await desk.refused("remove_project_dependency", **names)
    await desk.ask("remove_project_dependency", **names, confirm=True)
    reply = await desk.ask("search_across_projects", query="requests retried")
    assert [one["project"] for one in reply["searched"]] == [desk.id("shop"), desk.id("blog")]


async def test_bad_input_is_told_in_one_sentence(desk):
    await family(desk)
    await desk.take_in()
    pair = {"source_project": "shop", "target_project": "core"}
    for said, tool, arguments in [
        ("No project is known as 'nowhere'", "create_project_group", {"name": "x", "projects": ["nowhere"]}),
        ("neither * nor an empty name", "create_project_group", {"name": "x", "projects": ["*"]}),
        ("projects", "create_project_group", {"name": "x", "projects": []}),
        ("name", "create_project_group", {"name": "", "projects": ["shop"]}),
        ("cannot depend on itself", "add_project_dependency",
         {"source_project": "shop", "target_project": desk.id("shop"), "dependency_type": "uses"}),
        ("dependency_type", "add_project_dependency", {**pair, "dependency_type": "loves"}),
        ("No project is known", "search_across_projects", {"query": "x", "current_project": "nowhere"}),
        ("neither *", "search_across_projects", {"query": "x", "current_project": "*"}),
        ("query", "search_across_projects", {"query": ""}),
        ("limit", "search_across_projects", {"query": "x", "limit": 0}),
        ("No project is known", "get_project_insights", {"projects": ["shop", "nowhere"]}),
        ("time_range_days", "get_project_insights", {"time_range_days": 0}),
    ]:  # fmt: skip
        assert said in await desk.refused(tool, **arguments), (tool, arguments)


async def test_who_comes_with_a_members_token_learns_no_project_of_this_machine(desk):
    await family(desk)
    await desk.take_in()
    with connection.entered(connection.Connection(user="eve", role=Role.MEMBER)):
        assert "No project is known" in await desk.refused("create_project_group", name="x", projects=["attic"])
        made = await desk.client.call_tool("create_project_group", {"name": "x", "projects": ["core", "new-abcdef"]})
        assert made.structured_content["group"]["projects"] == [desk.id("core"), "new-abcdef"]
        assert made.structured_content["group"]["by"] == "eve"
        assert "No project is known" in await desk.refused("list_project_groups", project=desk.folder("attic"))
    with connection.entered(connection.Connection(user="ada", role=Role.OWNER)):
        assert (await desk.ask("create_project_group", name="y", projects=["attic"]))["added"] == [desk.id("attic")]


async def test_a_search_is_noted_under_the_project_it_began_at(desk):
    await family(desk)
    await desk.ask("search_across_projects", query="requests retried", current_project=desk.folder("core"))
    metrics = await desk.ask("get_search_metrics", metric_type="projects", project="*")
    assert desk.id("core") in str(metrics), metrics


async def test_a_shared_problem_tells_who_solved_it_first_and_how(desk):
    late = desk.session("shop", "late", days_ago=2)
    late.bash("pytest tests/test_api.py", failed=REFUSED)
    later = desk.session("core", "later", days_ago=5)
    later.bash("pytest", failed=REFUSED)
    later.edit("/home/you/core/late.py")
    later.bash("pytest")
    first = desk.session("payments", "first", days_ago=80)
    first.bash("pytest", failed=REFUSED)
    first.bash("pytest", failed=REFUSED)
    first.edit("/home/you/payments/client.py")
    first.bash("pytest")
    reply = await desk.ask("get_project_insights", projects=["shop", "payments", "core"])
    [problem] = reply["problems"]
    assert problem["problem"] == "ConnectionRefusedError: [Errno <number>] Connection refused"
    assert problem["projects"] == {desk.id("payments"): 2, desk.id("core"): 1, desk.id("shop"): 1}
    fixed = problem["fixed"]
    assert (fixed["project"], fixed["session"], fixed["by"]) == (desk.id("payments"), "payments-first", "Bash: pytest")
    assert fixed["files"] == ["/home/you/payments/client.py"] and fixed["attempts"] == 1
    assert problem["unsolved_in"] == [desk.id("shop")] and problem["trust"] == "tool"
    [gap] = reply["gaps"]
    assert (gap["need"], gap["project"], gap["known_in"]) == ("error", desk.id("shop"), desk.id("payments"))
    assert gap["id"] == fixed["id"] and "was fixed first in" in reply["summary"]


async def test_nothing_older_than_the_range_counts_unless_it_came_up_again(desk):
    for name in ("shop", "core"):
        session = desk.session(name, "old", days_ago=60)
        session.bash("pytest", failed=REFUSED)
    reply = await desk.ask("get_project_insights", projects=["shop", "core"])
    assert reply["problems"] == reply["gaps"] == reply["days"] == []
    wider = await desk.ask("get_project_insights", projects=["shop", "core"], time_range_days=90)
    assert len(wider["problems"]) == 1 and wider["activity"][0]["errors"] == 1


async def test_a_question_asked_in_vain_is_a_gap_where_another_project_knows(desk):
    desk.session("core", "talk").assistant("The scheduler's heartbeat interval is thirty seconds.")
    desk.session("shop", "talk").user("Paint the logo blue")
    await desk.ask("reflect_on_past", query="scheduler heartbeat interval", min_score=0.9)
    await desk.ask("reflect_on_past", query="what nobody knows at all", min_score=0.9)
    [gap] = (await desk.ask("get_project_insights", projects=["shop", "core"]))["gaps"]
    assert (gap["need"], gap["what"], gap["project"]) == ("question", "scheduler heartbeat interval", desk.id("shop"))
    assert gap["known_in"] == desk.id("core") and gap["id"]
    desk.session("shop", "learnt").assistant("The scheduler's heartbeat interval is thirty seconds here as well.")
    assert (await desk.ask("get_project_insights", projects=["shop"]))["gaps"] == []


async def test_insights_kept_elsewhere_about_an_error_and_a_kind_of_file_are_gaps(desk):
    session = desk.session("shop", "fails")
    for number in range(3):
        session.bash(f"terraform plan infra/net{number}.tf", failed=f"Exit code 1\nQuotaExceededError: zone {number}")
    desk.session("core", "talk").user("Hello")
    await desk.take_in()
    for number in range(2):
        content = f"QuotaExceededError {number}: ask for a higher quota in infra/quota{number}.tf"
        await desk.ask("store_reflection", content=content, project="core")
    gaps = (await desk.ask("get_project_insights", projects=["shop", "core"]))["gaps"]
    assert [(gap["need"], gap["what"], gap["times"]) for gap in gaps] == [
        ("error", "QuotaExceededError", 3), ("files", ".tf", 3),
    ]  # fmt: skip
    assert all(gap["known_in"] == desk.id("core") and "2 insights kept there name it" in gap["why"] for gap in gaps)
    await desk.ask("store_reflection", content="QuotaExceededError: see infra/quota.tf", project=desk.id("shop"))
    assert (await desk.ask("get_project_insights", projects=["shop", "core"]))["gaps"] == []
    alone = await desk.ask("get_project_insights", projects=["shop"])
    assert alone["gaps"] == [] and "Name several projects" in alone["summary"]


async def test_files_that_change_together_are_counted(desk):
    for number in range(3):
        desk.session("shop", f"both{number}").edit("/home/you/shop/api.py", "/home/you/shop/docs/api.md")
    desk.session("shop", "alone").edit("/home/you/shop/logo.svg")
    failed = desk.session("shop", "failed")
    failed.edit("/home/you/shop/api.py", "/home/you/shop/logo.svg", failed="String to replace not found in file.")
    [pair] = (await desk.ask("get_project_insights", projects=["shop"]))["together"]
    assert [pair[name]["path"] for name in ("first", "second")] == ["api.py", "docs/api.md"]
    assert (pair["within"], pair["both"], pair["first_in"], pair["baskets"]) == ("session", 3, 3, 4)
    assert (pair["support"], pair["confidence"], pair["lift"]) == (0.75, 1.0, 1.33)


async def test_files_of_two_projects_that_change_on_the_same_days_are_told(desk):
    for number in range(3):
        desk.session("shop", f"s{number}", number + 1).edit("/home/you/shop/client.py")
        desk.session("core", f"c{number}", number + 1).edit("/home/you/core/server.py")
    desk.session("shop", "other", 9).edit("/home/you/shop/logo.svg")
    [pair] = (await desk.ask("get_project_insights", projects=["shop", "core"]))["together"]
    assert pair["within"] == "day" and {pair["first"]["project"], pair["second"]["project"]} == {
        desk.id("shop"), desk.id("core"),
    }  # fmt: skip


async def test_activity_is_counted_by_project_and_day(desk):
    busy = desk.session("shop", "busy", days_ago=2)
    for number in range(4):
        busy.user(f"Question {number}")
    busy.edit("/home/you/shop/a.py")
    busy.bash("pytest", failed=REFUSED)
    desk.session("shop", "calm", days_ago=5).user("One question")
    desk.session("core", "calm", days_ago=5).user("One question")
    desk.session("core", "old", days_ago=50).user("Too old")
    reply = await desk.ask("get_project_insights", projects=["shop", "core", "payments-abcdef"])
    told = {one["project"]: one for one in reply["activity"]}
    counts = ("memories", "sessions", "errors", "edits", "days")
    assert [told[desk.id("shop")][name] for name in counts] == [7, 2, 1, 1, 2]
    assert [told[desk.id("core")][name] for name in counts] == [1, 1, 0, 0, 1]
    assert told["payments-abcdef"]["last"] is None and told["payments-abcdef"]["memories"] == 0
    assert [day["memories"] for day in reply["days"]] == [6, 2]
    assert reply["days"][0]["projects"] == {desk.id("shop"): 6}
    assert "1 of 1 error and 1 of 1 edit" in reply["note"]


async def test_insights_are_of_the_neighbourhood_unless_projects_are_named(desk):
    await family(desk)
    reply = await desk.ask("get_project_insights")
    assert reply["projects"] == [desk.id(name) for name in ("shop", "payments", "blog", "core")]


@pytest.mark.parametrize("budget", [100, 150, 300, 1_000])
async def test_replies_hold_their_budget(desk, product_in, budget, tmp_path):
    from session_mgmt_mcp.domain.tokens import tokens

    await family(desk)
    for name in ("shop", "core"):
        for number in range(4):
            session = desk.session(name, f"fails{number}", number)
            session.bash("pytest", failed=REFUSED + "x " * 200)
            session.edit(*(f"/home/you/{name}/{'deep/' * 9}{file}.py" for file in "abc"[: 2 + number % 2]))
    await desk.take_in()
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "pyproject.toml").write_text(f"[tool.session-mgmt]\nmax_tokens = {budget}\n")
    with connection.entered(connection.Connection(cwd=str(shop), project_dir=str(shop), session_id="x")):
        for tool, arguments in (
            ("search_across_projects", {"query": "requests retried", "current_project": desk.id("shop"), "limit": 50}),
            ("get_project_insights", {"projects": [desk.id("shop"), desk.id("core")]}),
            ("list_project_groups", {}),
            ("create_project_group", {"name": "web", "projects": [desk.id("core")], "description": "why " * 60}),
            ("remove_project_group", {"name": "web", "confirm": True}),
        ):
            text = (await desk.client.call_tool(tool, arguments)).content[0].text
            assert tokens(text) <= budget, (tool, text)
