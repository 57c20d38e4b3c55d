"""When two names are one file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.file_names import matching, relative

ROOTS = ["/home/you/shop", "/home/you/shop/src", "/tmp/wt/two"]


def found(asked, *names, roots=ROOTS, renames=()):
    return set(matching(asked, names, roots, renames).names)


@pytest.mark.parametrize("asked", ["/home/you/shop/src/cart.py", "src/cart.py", "./src/cart.py", "src\\cart.py",
                                   "/tmp/wt/two/src/cart.py", "/home/you/shop/.worktrees/x/src/cart.py"])  # fmt: skip
def test_one_file_has_many_names(asked):
    names = ["/home/you/shop/src/cart.py", "src/cart.py", "./src/cart.py", "/tmp/wt/two/src/cart.py", "src\\cart.py",
             "/home/you/shop/.claude/worktrees/y/src/cart.py", ".worktrees/z/src/cart.py", "a/src/cart.py"]  # fmt: skip
    assert found(asked, *names, "/home/you/shop/tests/cart.py", "src/smart_cart.py", "src/cart.pyi") == set(names)


def test_a_bare_name_asks_for_every_file_of_it():
    matches = matching("cart.py", ["src/cart.py", "tests/cart.py", "cart.py", "my-cart.py"], ROOTS)
    assert matches.names == {"src/cart.py": "name", "tests/cart.py": "name", "cart.py": "path"}


def test_a_bare_mention_counts_only_where_no_other_file_could_be_meant():
    assert found("src/cart.py", "src/cart.py", "cart.py") == {"src/cart.py", "cart.py"}
    matches = matching("src/cart.py", ["src/cart.py", "cart.py", "tests/cart.py"], ROOTS)
    assert set(matches.names) == {"src/cart.py"} and matches.others == ["tests/cart.py"]


def test_a_path_outside_of_all_roots_is_matched_by_what_is_named_of_it():
    names = ["/home/dev/cli/cmd/config.go", "cmd/config.go", "cli/cmd/config.go", "/home/dev/other/cmd/config.go"]
    assert found("/home/dev/cli/cmd/config.go", *names, roots=[]) == set(names[:3])


def test_a_file_is_followed_through_its_renames_in_both_directions():
    renames = [("shop/basket.py", "src/cart.py"), ("basket.py", "shop/basket.py"), ("x/other.py", "y/other.py")]
    names = ["basket.py", "/home/you/shop/shop/basket.py", "src/cart.py", "x/other.py"]
    for asked in ("src/cart.py", "basket.py", "shop/basket.py"):
        assert found(asked, *names, renames=renames) == set(names[:3])
    matches = matching("src/cart.py", names, ROOTS, renames)
    assert matches.names["basket.py"] == "renamed" and matches.known_as == [
        "src/cart.py",
        "shop/basket.py",
        "basket.py",
    ]


def test_renames_in_a_circle_end():
    assert found("a.py", "a.py", "b.py", "c.py", renames=[("a.py", "b.py"), ("b.py", "a.py")]) == {"a.py", "b.py"}


def test_names_with_spaces_and_letters_of_any_kind():
    assert found("sub folder/größe.py", "/home/you/shop/sub folder/größe.py") == {"/home/you/shop/sub folder/größe.py"}


@given(st.text("abc/.\\ é", min_size=1, max_size=30), st.lists(st.text("abc/.\\ é", max_size=30), max_size=8))
def test_any_name_is_answered(asked, names):
    assert set(matching(asked, names, names).names) <= set(names)
    relative(asked, names)
