"""How far projects are from one another: any graph, against a search that tries everything."""

import math
from datetime import UTC, datetime
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.project_graph.distance import AGAINST, COST, FARTHEST, GROUP, Reach, in_words, reached
from session_mgmt_mcp.domain.project_graph.graph import Dependency, Graph, Group, Relation
from session_mgmt_mcp.domain.project_graph.nearness import NEAR, nearness

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PROJECTS = "abcdefg"


def dependency(source: str, target: str, relation: Relation = Relation.USES) -> Dependency:
    return Dependency(source, target, relation, "", "me", NOW)


def group(name: str, *projects: str) -> Group:
    return Group(name, projects, "", "me", NOW)


NODES = st.sampled_from(PROJECTS)
DEPENDENCIES = st.builds(dependency, NODES, NODES, st.sampled_from(Relation))
GROUPS = st.builds(lambda name, projects: group(name, *projects), st.sampled_from("xyz"), st.lists(NODES, max_size=4))
GRAPHS = st.builds(Graph, st.lists(GROUPS, max_size=3), st.lists(DEPENDENCIES, max_size=12))


def edges(graph: Graph) -> dict[tuple[str, str], float]:
    """Every single step with its least cost, written down anew."""
    found: dict[tuple[str, str], float] = {}
    for one in graph.dependencies:
        for pair, cost in (
            ((one.source, one.target), COST[one.relation]),
            ((one.target, one.source), COST[one.relation] * AGAINST),
        ):
            found[pair] = min(found.get(pair, math.inf), cost)
    for one in graph.groups:
        for pair in product(one.projects, repeat=2):
            found[pair] = min(found.get(pair, math.inf), GROUP)
    return found


def by_relaxation(graph: Graph, start: str) -> dict[str, float]:
    """Bellman and Ford: every edge again and again, until nothing gets shorter."""
    known = {start: 0.0}
    for _ in PROJECTS:
        for (source, target), cost in edges(graph).items():
            if source in known:
                known[target] = min(known.get(target, math.inf), known[source] + cost)
    return {project: distance for project, distance in known.items() if distance <= FARTHEST}


@given(GRAPHS, NODES)
def test_distances_are_those_of_a_search_that_tries_everything(graph, start):
    expected = by_relaxation(graph, start)
    found = reached(graph, start)
    assert found.keys() == expected.keys()
    assert all(math.isclose(reach.distance, expected[project]) for project, reach in found.items())


@given(GRAPHS, NODES)
def test_a_way_is_made_of_steps_that_exist_and_is_as_long_as_they_are(graph, start):
    steps = edges(graph)
    for project, reach in reached(graph, start).items():
        places = [start, *(step.project for step in reach.steps)]
        assert places[-1] == project and len(set(places)) == len(places)
        assert math.isclose(reach.distance, sum(steps[pair] for pair in pairwise(places)))


@given(GRAPHS, NODES, st.one_of(DEPENDENCIES, GROUPS))
def test_one_more_edge_never_makes_a_way_longer(graph, start, more):
    wider = (
        Graph(graph.groups, [*graph.dependencies, more])
        if isinstance(more, Dependency)
        else Graph([*graph.groups, more], graph.dependencies)
    )
    before, after = reached(graph, start), reached(wider, start)
    assert all(after[project].distance <= reach.distance for project, reach in before.items())


@given(st.permutations([dependency(a, b) for a, b in zip(PROJECTS, PROJECTS[1:] + "a", strict=True)]), GRAPHS, NODES)
def test_the_order_in_which_things_were_said_does_not_matter(ring, graph, start):
    whole = Graph(graph.groups, [*ring, *graph.dependencies])
    turned = Graph(graph.groups[::-1], [*graph.dependencies[::-1], *ring[::-1]])
    assert reached(whole, start) == reached(turned, start)


@pytest.mark.parametrize("relation", Relation)
def test_against_its_direction_a_dependency_is_longer(relation):
    graph = Graph(dependencies=[dependency("shop", "core", relation)])
    assert reached(graph, "core")["shop"].distance > reached(graph, "shop")["core"].distance > 0


def test_a_cycle_ends():
    ring = Graph(dependencies=[dependency("a", "b"), dependency("b", "c"), dependency("c", "a")])
    assert {project: reach.distance for project, reach in reached(ring, "a").items()} == {"a": 0, "b": 1, "c": 1.5}


def test_the_way_is_told_in_words():
    graph = Graph(
        [group("web", "core-3", "blog-4")],
        [
            dependency("shop-1", "payments-2"),
            dependency("payments-2", "core-3", Relation.EXTENDS),
            dependency("kit-5", "shop-1", Relation.SHARES_CODE),
        ],
    )
    names = {"shop-1": "shop", "payments-2": "payments", "core-3": "core", "blog-4": "blog", "kit-5": "kit"}
    told = {project: in_words("shop-1", reach, names) for project, reach in reached(graph, "shop-1").items()}
    assert told == {
        "shop-1": "shop",
        "payments-2": "shop uses payments",
        "kit-5": "shop shares code with kit",
        "core-3": "shop uses payments extends core",
        "blog-4": "shop uses payments extends core is in group web with blog",
    }


def test_of_two_ways_of_one_length_the_one_with_fewer_steps_is_told():
    extending = [dependency(*both, Relation.EXTENDS) for both in ("ab", "bc")]
    way = reached(Graph([group("web", "a", "c")], extending), "a")["c"]
    assert [step.how for step in way.steps] == ["is in group web with"] and way.distance == GROUP


def test_what_is_too_far_is_cut():
    chain = Graph(dependencies=[dependency(f"p{n}", f"p{n + 1}") for n in range(20)])
    assert [*reached(chain, "p0")] == [f"p{n}" for n in range(int(FARTHEST) + 1)]
    assert [*reached(chain, "p0", farthest=2)] == ["p0", "p1", "p2"]


def test_a_project_that_nobody_named_is_alone():
    assert reached(Graph([group("web", "a", "b")]), "z") == {"z": Reach(0.0)}


def test_what_is_nearer_gets_more():
    amounts = [nearness(distance) for distance in (0, 0.75, 1, 1.5, 2, 3, 6)]
    assert amounts == sorted(amounts, reverse=True) and amounts[0] == NEAR and amounts[-1] > 0
