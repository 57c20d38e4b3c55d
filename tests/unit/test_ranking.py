"""What brings a memory to the top, one feature at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from session_mgmt_mcp.domain.cues import cues_of
from session_mgmt_mcp.domain.project_graph.distance import FARTHEST
from session_mgmt_mcp.domain.project_graph.nearness import nearness
from session_mgmt_mcp.domain.ranking import ASSISTED, CODING, KEPT, PEERS, rank, reread, weights_for
from session_mgmt_mcp.ports.vector_store import Hit, Matches, Names, Unit

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOTHING = cues_of("")


def hit(name, score=0.5, *, role="user", session="s", position=0, parent="", kind="turn", days_old=0.0, time=None):
    at = (time or NOW - timedelta(days=days_old)).timestamp()
    return Hit(name, score, kind, "shop", session, role, position, parent, at)


def ranked(dense, lexical, cues, now, searched=600, **options):
    """`rank` of hits by meaning and, for each unit, by word."""
    lexical = {unit: {one.id: one for one in lexical.get(unit, ())} for unit in Unit}
    found = {one.id: one for pool in (*lexical.values(), {one.id: one for one in dense}) for one in pool.values()}
    cosines = {one.id: one.score for one in dense}
    names = ("kind", "project", "session", "role", "parent")
    matches = Matches(
        list(found),
        *(Names.of([getattr(one, name) for one in found.values()]) for name in names),
        positions=np.array([one.position for one in found.values()], np.int64),
        times=np.array([one.time for one in found.values()]),
        cosines=np.array([cosines.get(one, min(cosines.values(), default=np.nan)) for one in found]),
        words={
            unit: np.array([pool[one].score if one in pool else 0.0 for one in found]) for unit, pool in lexical.items()
        },
        searched=searched,
    )
    return rank(matches, cues, now, **options)


def ids(order):
    return [one.id for one in order]


def test_nothing_found_is_an_empty_answer():
    nothing = ranked([], {}, NOTHING, NOW)
    assert list(nothing) == list(reread(nothing, {}, NOTHING)) == []


def test_meaning_alone_ranks_when_no_word_matches():
    assert ids(ranked([hit("a", 0.3), hit("b", 0.6, position=5)], {}, NOTHING, NOW)) == ["b", "a"]


def test_words_alone_rank_while_there_are_no_vectors():
    pool = [hit("a", 7.0), hit("b", 3.0, position=5)]
    assert ids(ranked([], {Unit.RECORD: pool}, NOTHING, NOW)) == ["a", "b"]


def test_the_same_input_in_another_order_gives_the_same_ranking():
    dense = [hit(f"m{n}", 0.5, position=n * 3, days_old=n % 4) for n in range(20)]
    assert ids(ranked(dense, {}, NOTHING, NOW)) == ids(ranked(dense[::-1], {}, NOTHING, NOW))


def test_ties_go_to_the_newest_and_then_to_the_lower_id():
    dense = [hit("old", days_old=9), hit("b", position=4), hit("a", position=8)]
    assert ids(ranked(dense, {}, NOTHING, NOW)) == ["a", "b", "old"]


def test_of_equals_the_one_of_the_nearer_project_wins_and_what_is_much_better_wins_all_the_same():
    near = {"shop": 0.1, "core": 0.05}
    far, here = replace(hit("a", 0.5, position=4), project="core"), hit("b", 0.5, position=8)
    other = replace(hit("c", 0.5, position=12), project="elsewhere")
    assert ids(ranked([far, here, other], {}, NOTHING, NOW)) == ["a", "b", "c"]
    order = ranked([far, here, other], {}, NOTHING, NOW, near=near)
    assert ids(order) == ["b", "a", "c"]
    assert [scored.features["near"] for scored in order] == [0.1, 0.05, 0.0]
    most = {"shop": nearness(0.0), "core": nearness(FARTHEST)}
    assert ids(ranked([replace(far, score=0.9), here], {}, NOTHING, NOW, near=most)) == ["a", "b"]


def test_parts_are_folded_into_their_whole_and_the_best_of_them_is_shown():
    dense = [hit("w.2", 0.8, parent="w"), hit("w", 0.2), hit("other", 0.3, position=7)]
    order = ranked(dense, {Unit.RECORD: [hit("w.2", 5.0, parent="w")]}, NOTHING, NOW)
    assert ids(order) == ["w", "other"]
    assert order[0].hit.id == "w.2"


def test_a_whole_that_was_found_by_a_part_only_goes_by_its_own_id():
    assert ids(ranked([hit("w.1", 0.8, parent="w")], {}, NOTHING, NOW)) == ["w"]


def test_the_turn_around_which_the_talk_is_about_it_wins():
    dense = [hit("lone", 0.4, position=50), hit("before", 0.5, position=1), hit("middle", 0.4, position=2)]
    order = ranked(
        [*dense, hit("after", 0.5, position=3), hit("far", 0.1, position=90)], {}, NOTHING, NOW, weights=PEERS
    )
    assert ids(order).index("middle") < ids(order).index("lone")


def test_neighbours_do_not_reach_into_another_session():
    dense = [
        hit("x", 0.9, session="s", position=2),
        hit("y", 0.4, session="t", position=1),
        hit("z", 0.4, session="u", position=9),
    ]
    features = {one.id: one.features["after"] for one in ranked(dense, {}, NOTHING, NOW, weights=PEERS)}
    assert features["y"] == features["z"] == 0.0


def test_what_did_you_recommend_raises_the_assistant():
    dense = [
        hit("asked", 0.50, role="user", position=1),
        hit("answer", 0.55, role="assistant", position=9),
        hit("low", 0.1, position=20),
    ]
    assert ids(ranked(dense, {}, cues_of("Which port do I use?"), NOW))[0] == "asked"
    assert ids(ranked(dense, {}, cues_of("Which port did you recommend?"), NOW))[0] == "answer"


def test_the_speaker_named_in_the_question_is_raised():
    dense = [hit("a", 0.5, role="Ann"), hit("b", 0.5, role="Bob", position=6), hit("c", 0.1, role="Bob", position=9)]
    assert ids(ranked(dense, {}, cues_of("What did Bob buy?"), NOW))[0] == "b"
    assert ids(ranked(dense, {}, cues_of("What did Ann buy?"), NOW))[0] == "a"


@pytest.mark.parametrize("question", ["What happened in June 2023?", "What happened on 10 June 2023?", "2023-06-10?"])
def test_the_time_that_the_question_names_is_raised(question):
    june = hit("june", 0.4, time=datetime(2023, 6, 12, tzinfo=UTC))
    other = hit("other", 0.5, position=5, time=datetime(2023, 9, 1, tzinfo=UTC))
    low = hit("low", 0.0, position=9, time=datetime(2022, 6, 11, tzinfo=UTC))
    assert ids(ranked([other, june, low], {}, cues_of(question), NOW, weights=PEERS))[0] == "june"


def test_of_two_equal_memories_the_recent_one_wins_and_age_can_be_switched_off():
    dense = [hit("old", 0.5001, days_old=300), hit("new", 0.5, position=8), hit("low", 0.1, position=20)]
    assert ids(ranked(dense, {}, NOTHING, NOW, half_life_days=90))[0] == "new"
    assert ids(ranked(dense, {}, NOTHING, NOW))[0] == "old"


def test_an_exact_old_answer_beats_a_vague_new_one():
    dense = [hit("exact", 0.8, days_old=3000), hit("vague", 0.5, position=8), hit("low", 0.1, position=20)]
    assert ids(ranked(dense, {}, NOTHING, NOW, half_life_days=30))[0] == "exact"


def test_scores_lie_between_0_and_1_and_never_grow_along_the_ranking():
    dense = [hit(f"m{n}", n / 100, position=3 * n) for n in range(-20, 90)]
    scores = [one.score for one in ranked(dense, {}, NOTHING, NOW)]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] <= scores[0] <= 1


def test_a_call_has_the_place_of_what_was_said_with_it_and_is_nobodys_neighbour():
    dense = [hit("said", 0.4, position=1), hit("low", 0.1, position=9)]
    action = hit("call", 5.0, position=2, kind="action")
    order = ranked(dense, {Unit.RECORD: [action]}, NOTHING, NOW)
    assert all(one.features["after"] == 0.0 for one in order)


def test_a_question_that_nothing_answers_scores_low():
    far = ranked([hit("a", 0.22), hit("b", 0.1, position=9)], {}, NOTHING, NOW)
    near = ranked([hit("a", 0.62), hit("b", 0.1, position=9)], {}, NOTHING, NOW)
    assert far[0].score < 0.1 < 0.4 < near[0].score


def test_among_few_memories_less_makes_sure_than_among_many():
    scores = [
        ranked([hit("a", 0.4)], {}, NOTHING, NOW, searched=searched)[0].score for searched in (10, 40, 600, 9_000)
    ]
    assert scores[0] > scores[1] > scores[2] == scores[3]


def test_reading_the_text_lowers_the_score_of_what_lacks_the_questions_words():
    cues = cues_of("Where does the kubernetes ingress terminate?")
    order = ranked([hit("a", 0.4)], {}, cues, NOW)
    with_words = reread(order, {"a": "The kubernetes ingress terminates in Frankfurt."}, cues)[0]
    without = reread(order, {"a": "I had soup for lunch."}, cues)[0]
    assert without.score < with_words.score - 0.1


def test_what_has_no_vector_is_judged_by_its_words():
    cues = cues_of("kubernetes ingress")
    order = ranked([], {Unit.RECORD: [hit("a", 3.0, kind="action")]}, cues, NOW)
    assert reread(order, {"a": "kubectl describe ingress in kubernetes"}, cues)[0].score > 0.7
    assert reread(order, {"a": "an ingress"}, cues)[0].score == pytest.approx(0.4)


def test_a_text_with_all_of_the_questions_words_is_an_answer_whatever_its_cosine():
    cues = cues_of("zebrafish embryo")
    order = ranked([hit("a", 0.05), hit("b", 0.02, position=9)], {}, cues, NOW)
    assert reread(order, {"a": "The embryo of a zebrafish."}, cues)[0].score > 0.7
    assert reread(order, {"a": "An embryo."}, cues)[0].score < 0.2


def test_the_one_text_with_the_word_comes_before_what_is_alike_by_chance():
    cues = cues_of("precedence")
    alike = [hit(f"alike{n}", 0.3 - n / 100, position=9 * n) for n in range(8)]
    word = hit("word", 0.01, position=99)
    order = reread(ranked([*alike, word], {Unit.RECORD: [word]}, cues, NOW), {"word": "It takes precedence."}, cues)
    assert ids(order)[0] == "word" and order[0].score > 0.5
    assert len(order.down_to(0.25)) == 1


def test_a_text_with_the_name_of_a_file_comes_before_those_with_its_pieces():
    cues = cues_of("clean.go")
    pieces = [hit(f"pieces{n}", 0.7, position=9 * n, role="user") for n in range(8)]
    named = hit("named", 0.1, position=99, role="assistant")
    texts = {one.id: "All is clean, go on" for one in pieces} | {"named": "src/clean.go:1: no main"}
    order = reread(ranked([*pieces, named], {}, cues, NOW), texts, cues)
    assert ids(order)[0] == "named"
    assert all(one.score >= other.score for one, other in zip(order, list(order)[1:], strict=False))


def test_what_has_the_best_words_is_read_however_far_behind_it_stands():
    alike = [hit(f"alike{n}", 0.9 - n / 1_000, position=9 * n) for n in range(100)]
    word = hit("word", 0.01, position=9_999, role="assistant")
    order = ranked([*alike, word], {Unit.RECORD: [word]}, NOTHING, NOW, weights=replace(CODING, words=0.0, length=0.0))
    assert ids(order).index("word") >= 40 and "word" in [shown for shown, _ in order.read]


def test_words_that_stand_together_in_the_question_should_stand_together_in_the_text():
    cues = cues_of("Where is the retry budget?")
    order = ranked([hit("apart", 0.5), hit("together", 0.5, position=9)], {}, cues, NOW)
    texts = {
        "apart": "The budget was cut; retry tomorrow, please",
        "together": "Please: a retry budget was cut tomorrow",
    }
    assert ids(reread(order, texts, cues))[0] == "together"


def test_when_asks_for_a_memory_with_a_date():
    cues = cues_of("When did we move the office?")
    order = ranked(
        [hit("plain", 0.5), hit("dated", 0.5, position=9), hit("low", 0.1, position=20)], {}, cues, NOW, weights=PEERS
    )
    texts = {"plain": "We moved the office then.", "dated": "We moved the office in March.", "low": ""}
    assert ids(reread(order, texts, cues))[0] == "dated"


def test_the_reply_to_a_question_like_ours_is_raised_and_the_reply_to_another_is_lowered():
    cues = cues_of("What is the name of the dog?")
    asked = [hit("like ours", 0.7, position=1), hit("another", 0.2, position=31)]
    replies = [hit("Rex", 0.4, position=2), hit("hot", 0.4, position=32), hit("lone", 0.4, position=60)]
    windows = {Unit.WINDOW: [hit("like ours", 6.0, position=1)]}
    texts = {"like ours": "What is your dog's name? Tell me.", "another": "How was the weather?"}
    texts |= {"Rex": "It is so.", "hot": "It is so.", "lone": "It is so."}
    order = reread(
        ranked([*asked, *replies, hit("low", 0.1, position=90)], windows, cues, NOW, weights=PEERS), texts, cues
    )
    answers = {one.id: one.features["answers"] for one in order}
    assert answers["Rex"] > 0 == answers["lone"] > answers["hot"]


def test_a_memory_whose_text_is_gone_keeps_its_place_in_the_ranking():
    order = ranked([hit("a", 0.6), hit("b", 0.3, position=9)], {}, NOTHING, NOW)
    assert ids(reread(order, {}, NOTHING)) == ["a", "b"]


def test_regimes_are_told_apart_by_who_speaks_and_whether_tools_were_used():
    assert weights_for(Names.of(["turn", "turn"]), Names.of(["Ann", "Bob"])) is PEERS
    assert weights_for(Names.of(["turn", "turn"]), Names.of(["user", "assistant"])) is ASSISTED
    assert weights_for(Names.of(["turn", "action"]), Names.of(["user", "tool"])) is CODING
    assert weights_for(Names.of(["reflection"]), Names.of([""])) is ASSISTED


def test_at_most_so_many_are_kept_and_they_are_the_best():
    dense = [hit(f"m{n}", n / 1000, position=3 * n) for n in range(KEPT + 50)]
    order = ranked(dense, {}, NOTHING, NOW)
    assert len(order) == KEPT
    assert order[0].id == f"m{KEPT + 49}"


def test_features_add_up_to_the_rank():
    cues = cues_of("port")
    dense = [hit("a", 0.5), hit("b", 0.4, position=9), hit("c", 0.1, position=20)]
    order = ranked(dense, {Unit.RECORD: [hit("b", 9.0, position=9)]}, cues, NOW)
    sums = [sum(one.features.values()) for one in order]
    assert sums == sorted(sums, reverse=True)
