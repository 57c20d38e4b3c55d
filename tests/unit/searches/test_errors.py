"""search_errors, through a real client."""

import pytest

FAILED = "Exit code 1\n--- FAIL: TestTotal (0.00s)\n    cart_test.go:12: got 3, want 4\nFAIL\tshop/cart"


async def test_an_error_comes_with_the_run_that_passed_and_the_edits_before_it(desk):
    session = desk.session()
    session.bash("go test ./cart -run TestTotal", failed=FAILED)
    session.edit("/shop/cart.go", "return 3", "return sum(prices)")
    session.bash("go test ./cart -run TestTotal", failed=FAILED)
    session.edit("/shop/total.go", "x", "func sum(prices []int) int {")
    session.bash("cd /shop && go test ./... 2>&1 | tail -3", printed="ok  shop/cart 0.1s")
    reply = await desk.ask("search_errors", query="TestTotal got 3 want 4", limit=1)
    [hit] = reply["hits"]
    assert hit["types"] == ["test failure"] and hit["tool"] == "Bash" and "want 4" in hit["error"]
    assert "go test ./..." in hit["fix"]["by"]
    changes = [(edit["file"], edit["change"]) for edit in hit["fix"]["edits"]]
    assert ("/shop/total.go", "func sum(prices []int) int {") in changes
    assert reply["types"] == {"test failure": 2} and reply["total"] == 2
    assert "1 with a fix in the same session" in reply["summary"]


async def test_attempts_are_counted_and_an_error_without_a_fix_says_so(desk):
    session = desk.session()
    for _ in range(3):
        session.bash("make build", failed="Exit code 2\ncart.c:3:5: error: expected ';'")
    session.bash("make build")
    session.bash("cargo build", failed="Exit code 101\nerror[E0308]: mismatched types")
    reply = await desk.ask("search_errors", query="*")
    assert [hit["fix"] and hit["fix"]["attempts"] for hit in reply["hits"]] == [None, 0, 1, 2]


async def test_a_run_that_a_pipe_hid_is_an_error_and_no_fix(desk):
    session = desk.session()
    session.bash("pytest a.py", failed="Exit code 1\nKeyError: 'total'")
    session.bash("pytest 2>&1 | tail -5", printed="FAILED a.py::test_total - KeyError: 'total'")
    reply = await desk.ask("search_errors", query="KeyError total")
    assert {hit["outcome"] for hit in reply["hits"]} == {"failed", "hidden"}
    assert all(hit["fix"] is None for hit in reply["hits"])


async def test_errors_are_narrowed_by_type_whatever_the_case(desk):
    session = desk.session()
    session.bash("pytest", failed="Exit code 1\nKeyError: 'total'")
    session.bash("tsc", failed="Exit code 2\nsrc/cart.ts(1,2): error TS2322: no")
    session.bash("tox", failed="Exit code 127\nbash: tox: command not found")
    for named, command in [("keyerror", "pytest"), ("ts2322", "tsc"), ("exit code 127", "tox"), ("not found", "tox")]:
        reply = await desk.ask("search_errors", query="*", error_type=named)
        assert [hit["command"] for hit in reply["hits"]] == [command], named
        assert reply["types"]["KeyError"] == 1
    reply = await desk.ask("search_errors", query="*", error_type="ValueError")
    assert reply["hits"] == [] and "`types` tells which are" in reply["summary"]


async def test_a_pasted_traceback_is_an_error_and_talk_of_errors_is_none(desk):
    session = desk.session()
    session.user(
        'What about this?\nTraceback (most recent call last):\n  File "/shop/cart.py", line 3\nZeroDivisionError: x'
    )
    session.edit("/shop/cart.py", "a / b", "a / (b or 1)")
    session.bash("pytest -q")
    session.user("Good: errors should be handled like that ZeroDivisionError")
    [hit] = (await desk.ask("search_errors", query="ZeroDivisionError"))["hits"]
    assert (hit["outcome"], hit["types"], hit["files"]) == ("pasted", ["ZeroDivisionError"], ["/shop/cart.py"])
    assert hit["fix"]["by"] == "Bash: pytest -q" and hit["fix"]["edits"][0]["change"] == "a / (b or 1)"


async def test_what_somebody_refused_is_no_error(desk):
    desk.session().bash("rm -rf build", failed="The user doesn't want to proceed with this tool use.")
    assert (await desk.ask("search_errors", query="*"))["total"] == 0


async def test_a_subagent_works_for_itself_but_on_the_same_files(desk):
    session = desk.session()
    session.bash("pytest a.py", failed="Exit code 1\nKeyError: 'total'")
    session.edit("/shop/cart.py", "a", "b", agent="helper")
    session.bash("pytest", agent="helper", printed="by the helper")
    session.bash("pytest", printed="by the main one")
    [hit] = (await desk.ask("search_errors", query="KeyError"))["hits"]
    main = (await desk.app.store.get([hit["fix"]["id"]]))[0]
    assert "agent" not in main.metadata and [edit["file"] for edit in hit["fix"]["edits"]] == ["/shop/cart.py"]


async def test_secrets_in_errors_are_not_told(desk):
    secret = "ghp_" + "a8Kd0Wq2Zx6Vb4Nm1Lp3Ty7Ru9Eo5Is0Cf2G"
    desk.session().bash("git push", failed=f"Exit code 1\nfatal: https://you:{secret}@example.org refused")
    reply = await desk.ask("search_errors", query="refused push")
    assert reply["total"] == 1 and secret not in str(reply)


async def test_a_reply_holds_its_budget(desk):
    session = desk.session()
    for n in range(50):
        session.bash(f"pytest {n}.py " + "--very-long " * 40, failed=f"Exit code 1\nKeyError: {n} " + "word " * 300)
    reply = await desk.ask("search_errors", query="KeyError", limit=50)
    assert reply["total"] == 50 and 3 < len(reply["hits"]) < 50 and len(str(reply)) < 16_000


@pytest.mark.shared
async def test_real_errors_are_paired_with_what_fixed_them(real):
    reply = await real.ask("search_errors", query="wrapcheck error returned from external package", project="*")
    first = reply["hits"][0]
    assert "wrapcheck" in first["types"] and "lint" in first["command"] and "lint" in first["fix"]["by"]
    assert first["fix"]["edits"][0]["file"].endswith(".go")
    everything = await real.ask("search_errors", query="*", project="*", limit=50)
    assert everything["total"] > 30 and everything["types"]["test failure"] >= 5
    goconst = await real.ask("search_errors", query="*", error_type="GOCONST", project="*")
    assert goconst["total"] == everything["types"]["goconst"] == len(goconst["hits"])
    assert not any("doesn't want to" in hit["error"] for hit in everything["hits"])


async def test_what_has_nothing_to_do_with_any_error_finds_none(desk):
    session = desk.session()
    session.user(f"why?\n\n{FAILED}")
    session.bash("go test ./cart", failed=FAILED)
    for silly in ("recipe for an apple pie", "🍕"):
        assert (await desk.ask("search_errors", query=silly))["hits"] == []
    assert (await desk.ask("search_errors", query="recipe for an apple pie", error_type="test failure"))["hits"]
    assert (await desk.ask("search_errors", query="TestTotal"))["hits"]
