"""Which project a name means, and which are around one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.project_graph.graph import Graph, localised
from session_mgmt_mcp.domain.project_graph.names import named, names_of
from session_mgmt_mcp.domain.project_graph.neighbourhood import neighbourhood
from session_mgmt_mcp.domain.projects import bare_name, is_id, project_id
from session_mgmt_mcp.ports.errors import Invalid

from tests.unit.projects.test_distance import dependency, group

OWN = "shop-000001"


def test_a_name_means_the_one_project_that_has_it():
    known = {"core-00000a", "blog-00000b", "blog-00000c", "team-web"}
    assert named("core", known, OWN) == named("core-00000a", known, OWN) == "core-00000a"
    assert named("shop", known, OWN) == named(OWN, known, OWN) == OWN
    assert named("team-web", known, OWN) == "team-web"
    with pytest.raises(Invalid, match="blog-00000b, blog-00000c"):
        named("blog", known, OWN)


def test_what_the_original_product_stored_under_a_bare_name_does_not_make_it_ambiguous():
    assert named("core", {"core", "core-00000a"}, OWN) == "core-00000a"
    assert named("core", {"core"}, OWN) == "core"


def test_a_project_of_which_nothing_is_known_is_named_by_its_id():
    assert named("new-abcdef", set(), OWN) == "new-abcdef"
    for unknown in ("new", "new-", "new-abcde", "new-ABCDEF", "-abcdef", "*"):
        with pytest.raises(Invalid, match="No project is known"):
            named(unknown, set(), OWN)


@given(st.text(min_size=1, max_size=30).filter(lambda text: "/" not in text and "\\" not in text and text.strip(". ")))
def test_the_id_of_any_folder_is_an_id(name):
    project = project_id(f"/home/{name}")
    if is_id(project):
        assert project == f"{bare_name(project)}-{project[-6:]}"
    else:
        assert project[0].isspace()


def test_projects_are_called_by_their_names_where_these_tell_them_apart():
    assert names_of(["a-000001", "b-000001", "b-000002"]) == {
        "a-000001": "a", "b-000001": "b-000001", "b-000002": "b-000002",
    }  # fmt: skip


def test_another_machines_id_means_the_project_of_that_name_here():
    theirs = Graph([group("web", "shop-fffff1", "blog-fffff2")], [dependency("shop-fffff1", "core-fffff3")])
    graph = localised(theirs, {OWN, "blog-00000b", "blog-00000c", "core-00000a"})
    assert graph.groups[0].projects == (OWN, "blog-fffff2")  # two are called blog here: neither is meant
    assert [(one.source, one.target) for one in graph.dependencies] == [(OWN, "core-00000a")]


def test_one_project_under_two_machines_names_does_not_depend_on_itself():
    assert localised(Graph(dependencies=[dependency("shop-fffff1", OWN)]), {OWN}).dependencies == []


def test_only_what_something_is_remembered_of_is_searched():
    graph = Graph(dependencies=[dependency(OWN, "core-00000a"), dependency("core-00000a", "kit-00000b")])
    around = neighbourhood(graph, OWN, {"kit-00000b": 3})
    assert [(one.project, one.distance, one.path) for one in around.neighbours] == [
        (OWN, 0.0, ""), ("kit-00000b", 2.0, "shop uses core uses kit"),
    ]  # fmt: skip
    assert around.empty == ["core-00000a"]


def test_bare_names_of_the_original_product_count_for_the_nearer_project_of_that_name():
    graph = Graph(dependencies=[dependency(OWN, "api-00000a"), dependency("api-00000a", "api-00000b")])
    around = neighbourhood(graph, OWN, {OWN, "api-00000a", "api-00000b", "api"})
    assert set(around.scope.projects or ()) == {OWN, "shop", "api-00000a", "api-00000b", "api"}
    assert around.of("api").project == "api-00000a" and around.of("shop").distance == 0
    assert around.reaches["api"].distance == 1.0


def test_of_too_many_projects_the_nearest_are_searched():
    chain = [OWN, *(f"p{n}-00000{n}" for n in range(4))]
    graph = Graph(dependencies=[dependency(a, b) for a, b in itertools.pairwise(chain)])
    around = neighbourhood(graph, OWN, set(chain), most=3)
    assert [one.project for one in around.neighbours] == chain[:3] and around.left_out == 2
