"""Which files change together, against counting everything."""

import math
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.project_graph import together as rules
from session_mgmt_mcp.domain.project_graph.together import FEWEST, Edits, pairs, placed, together

ITEMS = st.tuples(st.sampled_from(["shop", "core"]), st.sampled_from("abcd"))


@given(st.lists(st.frozensets(ITEMS, max_size=6), max_size=12), st.booleans())
def test_pairs_are_those_that_counting_finds(baskets, across):
    full = [basket for basket in baskets if basket]
    expected = {}
    for one, other in combinations(sorted({item for basket in full for item in basket}), 2):
        both = sum(one in basket and other in basket for basket in full)
        first, second = (sum(item in basket for basket in full) for item in (one, other))
        if both >= FEWEST and both * len(full) > first * second and not (across and one[0] == other[0]):
            expected[frozenset((one, other))] = (both, {one: first, other: second})
    found = pairs(baskets, across)
    shown = {frozenset((pair.first, pair.second)) for pair in found}
    assert shown <= expected.keys()
    for left_out in expected.keys() - shown:  # told with another pair of the same baskets
        within = {at for at, basket in enumerate(full) if left_out <= basket}
        [told] = [
            pair
            for pair in found
            if within == {at for at, basket in enumerate(full) if {pair.first, pair.second} <= basket}
        ]
        assert left_out <= {told.first, told.second, *told.also}
    for pair in found:
        both, single = expected[frozenset((pair.first, pair.second))]
        assert (pair.both, pair.first_in, pair.second_in) == (both, single[pair.first], single[pair.second])
        assert pair.first_in <= pair.second_in
        assert math.isclose(pair.support, both / len(full)) and math.isclose(pair.confidence, both / pair.first_in)
        assert math.isclose(pair.lift, pair.confidence / (pair.second_in / len(full))) and pair.lift > 1
    told = [pair.both * math.log(pair.lift) for pair in found]
    assert told == sorted(told, reverse=True)


def test_a_change_of_very_many_files_says_nothing_about_any_two(monkeypatch):
    monkeypatch.setattr(rules, "LARGEST", 3)
    many = [{("shop", str(n)) for n in range(4)}] * 5
    few = [{("shop", "a"), ("shop", "b")}, {("shop", "a"), ("shop", "b")}, {("shop", "c")}]
    [pair] = pairs([*many, *few])
    assert (pair.first[1], pair.second[1], pair.baskets) == ("a", "b", 3)


def test_what_changes_in_one_go_is_told_once():
    change = {("shop", name) for name in "abcde"}
    [pair] = pairs([change, change, {("shop", "x")}])
    assert {pair.first, pair.second, *pair.also} == change and len(pair.also) == 3


def edited(session: str, day: str, *files: str) -> Edits:
    return Edits(session, day, [tuple(file.split("/")) for file in files])


def test_files_of_one_project_are_counted_over_its_own_sessions():
    edits = [edited(f"s{n}", f"d{n}", "shop/a", "shop/b") for n in range(2)] + [edited("s2", "d2", "shop/c")]
    edits += [edited(f"o{n}", f"e{n}", "core/x") for n in range(50)]
    [found] = together(edits)
    assert (found.within, found.pair.baskets, found.pair.lift) == ("session", 3, 1.5)


def test_files_of_two_projects_change_together_in_a_session_or_on_a_day():
    edits = [edited("one", f"d{n}", "shop/api", "core/api") for n in range(1)]
    edits += [edited("two", "d1", "shop/api", "core/api"), edited("s3", "d2", "shop/x"), edited("s4", "d3", "core/y")]
    edits += [edited(f"shop{n}", f"f{n}", "shop/client") for n in range(3)]
    edits += [edited(f"core{n}", f"f{n}", "core/server") for n in range(3)]
    found = [(one.within, {one.pair.first, one.pair.second}) for one in together(edits)]
    assert found == [
        ("session", {("shop", "api"), ("core", "api")}),
        ("day", {("shop", "client"), ("core", "server")}),
    ]


def test_a_file_lies_in_the_project_whose_folder_it_is_in():
    homes = {"/h/shop": "shop", "/h/shop/src": "shop", "/h/shop/vendor/core": "core"}
    assert placed("/h/shop/src/a.py", "x", homes) == ("shop", "src/a.py")
    assert placed("/h/shop/vendor/core/b.py", "shop", homes) == ("core", "b.py")
    assert placed("/h/shop/.claude/worktrees/new/src/a.py", "shop", homes) == ("shop", "src/a.py")
    assert placed("/elsewhere/c.py", "shop", homes) == ("shop", "/elsewhere/c.py")
    assert placed("./d.py", "shop", {}) == ("shop", "d.py")
