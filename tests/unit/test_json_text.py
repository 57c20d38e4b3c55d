"""Edits of a JSON text change one member and not a byte beside it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.claude_code import json_text

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
objects = st.dictionaries(st.text(), values, min_size=1)
quick = settings(deadline=None, max_examples=50)
styles = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"indent": 4}, {"separators": (",", ":")}])


@quick
@given(objects, styles, values)
def test_what_was_added_and_removed_again_leaves_no_trace(content, style, value):
    content.pop("ours", None)
    content["last"] = 1
    text = json.dumps(content, **style) + "\n"
    added = json_text.put(text, ("ours",), value)
    assert json.loads(added) == {**content, "ours": value}
    assert json_text.remove(added, ("ours",)) == text


@quick
@given(objects, styles, values)
def test_removing_any_member_keeps_the_others_in_order(content, style, value):
    text = json.dumps(content, **style)
    for name in content:
        left = json.loads(json_text.remove(text, (name,)))
        assert list(left.items()) == [(key, one) for key, one in content.items() if key != name]


@quick
@given(st.lists(values, min_size=1), styles, values)
def test_an_item_is_added_at_the_end_and_taken_away_again(items, style, value):
    text = json.dumps({"list": items}, **style)
    added = json_text.append(text, ("list",), value)
    assert json.loads(added) == {"list": [*items, value]}
    assert json_text.remove(added, ("list", len(items))) == text


@quick
@given(objects, styles, values)
def test_replacing_a_value_touches_no_other(content, style, value):
    name = next(iter(content))
    replaced = json.loads(json_text.put(json.dumps(content, **style), (name,), value))
    assert list(replaced.items()) == list({**content, name: value}.items())


def test_objects_on_the_way_are_made():
    assert json.loads(json_text.put("{}", ("a", "b", "c"), 1)) == {"a": {"b": {"c": 1}}}
    assert json.loads(json_text.append('{"a": {}}', ("a", "b"), 1)) == {"a": {"b": [1]}}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_new_member_looks_like_its_neighbours(newline):
    text = newline.join(["{", '   "a": {', '      "b": 1', "   }", "}"])
    expected = newline.join(
        ["{", '   "a": {', '      "b": 1,', '      "c": {', '         "d": 2', "      }", "   }", "}"]
    )
    assert json_text.put(text, ("a", "c"), {"d": 2}) == expected


def test_of_two_members_with_one_name_the_last_counts():
    assert json.loads(json_text.put('{"a": 1, "a": 2}', ("a",), 3))["a"] == 3
