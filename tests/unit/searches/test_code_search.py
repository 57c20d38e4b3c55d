"""search_code, through a real client."""

import time

import pytest

pytestmark = pytest.mark.on_disk

CART = """\
package cart

func Total(prices []int) int {
\tsum := 0
\tfor _, price := range prices {
\t\tsum += price
\t}
\treturn sum
}

func LoadSettings(path string) error {
\treturn nil
}
"""


async def test_code_that_was_shown_or_written_is_found_by_its_names(desk):
    session = desk.session()
    session.assistant("Like this:\n```python\ndef load_settings(path):\n    return {}\n```")
    session.write("/shop/cart.go", CART)
    for query in ("load settings", "LoadSettings", "settings"):
        reply = await desk.ask("search_code", query=query)
        assert {hit["language"] for hit in reply["hits"]} == {"go", "python"}, query
    best = (await desk.ask("search_code", query="LoadSettings"))["hits"][0]
    assert (best["file"], best["name"], best["kind"], best["by"]) == (
        "/shop/cart.go",
        "LoadSettings",
        "function",
        "Write",
    )
    assert "func LoadSettings" in best["code"] and best["change"] == "changed"
    assert reply["languages"] == {"go": 1, "python": 1}
    said = (await desk.ask("search_code", query="load_settings"))["hits"][0]
    assert (said["by"], said["change"], said["file"]) == ("assistant", "said", "")
    assert (await desk.app.memory.show(said["id"]))[0].text.startswith("Like this")


@pytest.mark.parametrize(
    ("kind", "query", "names"),
    [
        ("function", "*", {"Total", "LoadSettings"}),
        ("function", "sum", {"Total"}),
        ("function", "absent", set()),
        ("loop", "price", {""}),
        ("assignment", "sum", {"sum"}),
        ("class", "*", set()),
        ("return", "*", {""}),
    ],
)
async def test_constructs_are_told_by_a_parser(desk, kind, query, names):
    desk.session().write("/shop/cart.go", CART)
    reply = await desk.ask("search_code", query=query, pattern_type=kind)
    assert {hit["name"] for hit in reply["hits"]} == names
    assert all(hit["kind"] == kind for hit in reply["hits"])


async def test_a_construct_in_a_fragment_is_found_and_one_in_a_comment_is_none(desk):
    session = desk.session()
    session.edit("/shop/cart.ts", "x", "  // function fake() {}\n  async total(cart: Cart) {\n    return cart.sum\n  }")
    reply = await desk.ask("search_code", query="*", pattern_type="function")
    assert [(hit["name"], hit["lines"]) for hit in reply["hits"]] == [("total", "2-4")]
    assert (await desk.ask("search_code", query="fake", pattern_type="comment"))["hits"][0]["lines"] == "1-1"


async def test_a_diff_is_read_by_its_new_side(desk):
    desk.session().user(
        "```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-def old_total(): pass\n+def new_total():\n+    return 1\n```"
    )
    assert [hit["name"] for hit in (await desk.ask("search_code", query="*", pattern_type="function"))["hits"]] == [
        "new_total"
    ]


async def test_patterns_and_plain_text_are_looked_for_as_they_are(desk):
    session = desk.session()
    session.write("/shop/cart.go", CART)
    session.edit("/shop/x.py", "a", "prices[0](1)")
    found = await desk.ask("search_code", query=r"func \w+\(prices", pattern_type="regex")
    assert [(hit["name"], hit["file"]) for hit in found["hits"]] == [("Total", "/shop/cart.go")]
    literal = await desk.ask("search_code", query="prices[0](", pattern_type="literal")
    assert [hit["file"] for hit in literal["hits"]] == ["/shop/x.py"]
    assert (await desk.ask("search_code", query=r"(?i)FUNC TOTAL", pattern_type="regex"))["total"] == 1
    assert (await desk.ask("search_code", query=r"func Absent", pattern_type="regex"))["total"] == 0


async def test_a_wrong_pattern_or_type_is_said_in_one_sentence(desk):
    assert "no regular expression" in await desk.refused("search_code", query="(", pattern_type="regex")
    assert "pattern_type" in await desk.refused("search_code", query="x", pattern_type="monad")
    assert "query" in await desk.refused("search_code", query="", pattern_type="regex")


async def test_no_pattern_takes_exponential_time(desk):
    desk.session().write("/shop/a.py", "x = '" + "a" * 5_000 + "'")
    start = time.perf_counter()
    assert (await desk.ask("search_code", query=r"(a+)+$", pattern_type="regex"))["total"] == 0
    assert time.perf_counter() - start < 10


async def test_the_same_code_is_one_hit_and_what_was_taken_away_is_told(desk):
    for day in (1, 2, 3):
        desk.session(f"s{day}", day=day).assistant("```python\ndef total(): return 1\n```")
    [hit] = (await desk.ask("search_code", query="total"))["hits"]
    assert (hit["copies"], hit["session"]) == (2, "s3")
    session = desk.session("s4", day=4)
    session.edit("/shop/a.py", "def gone(): pass", "")
    session.edit("/shop/a.py", "rate = 7\nkept = 1", "rate = 9\nkept = 1")
    assert (await desk.ask("search_code", query="gone"))["hits"][0]["change"] == "removed"
    assert (await desk.ask("search_code", query="rate"))["hits"][0]["before"] == "rate = 7"


async def test_code_does_not_come_up_in_recall(desk):
    desk.session().write("/shop/cart.go", CART)
    reply = await desk.ask("reflect_on_past", query="LoadSettings path string error")
    assert all(hit["kind"] != "code" for hit in reply["hits"])


async def test_a_reply_holds_its_budget(desk):
    session = desk.session()
    for n in range(50):
        session.write(f"/shop/{n}.py", f"def total_{n}():\n" + "    value = 'word word word'\n" * 60)
    reply = await desk.ask("search_code", query="total", limit=50)
    assert reply["total"] == 50 and 3 < len(reply["hits"]) < 50 and len(str(reply)) < 16_000


@pytest.mark.shared
async def test_real_sessions_tell_who_wrote_a_function(real):
    reply = await real.ask("search_code", query="GetAgentsWithHooksInstalled", project="*")
    assert "GetAgentsWithHooksInstalled()" in reply["hits"][0]["code"] and reply["hits"][0]["name"] == "isFullyEnabled"
    functions = await real.ask("search_code", query="hooks installed", pattern_type="function", project="*")
    assert functions["hits"][0]["kind"] == "function" and functions["hits"][0]["language"] == "go"
    assert "hook" in functions["hits"][0]["name"].lower()
    tests = await real.ask(
        "search_code", query=r"func Test\w+\(t \*testing\.T\)", pattern_type="regex", project="*", limit=50
    )
    assert tests["total"] > 10 and all("func Test" in hit["code"] for hit in tests["hits"])


async def test_a_name_that_stands_there_as_a_whole_outdoes_its_pieces(desk):
    session = desk.session()
    session.edit("/shop/a.go", "x", "err := LoadSettings(path)")
    for n in range(5):
        session.edit(f"/shop/{n}.go", "x", f"func load{n}() {{ settings.load(settings) }}")
    reply = await desk.ask("search_code", query="LoadSettings")
    assert reply["total"] == 6 and reply["hits"][0]["file"] == "/shop/a.go"


async def test_a_query_without_a_word_is_looked_for_as_it_stands(desk):
    desk.session().write("/shop/cart.go", CART)
    assert (await desk.ask("search_code", query=":="))["total"] == 1
    assert (await desk.ask("search_code", query="🍕"))["hits"] == []
    assert (await desk.ask("search_code", query="🍕", pattern_type="function"))["hits"] == []
