"""The sample transcripts read like real ones, and say nothing about any real machine."""

import re

from session_mgmt_mcp.samples import folder


async def test_the_samples_are_four_sessions_of_two_folders(source, read):
    found = await source.find([folder()])
    assert not any(t.problem for t in found)
    entries = [entry for t in found for entry in (await read(t.path))[0]]
    assert len({e.session for e in entries}) == 4
    assert {e.cwd.split("/.claude")[0] for e in entries} == {"/home/you/shop", "/home/you/invoices"}
    assert {e.agent != "" for e in entries} == {True, False}
    assert all(e.call.ok is not None for e in entries if e.call)
    assert sum(e.call is not None and e.call.ok is False for e in entries) >= 4


async def test_a_question_about_each_story_has_its_answer_in_words(source, read):
    found = await source.find([folder()])
    entries = [entry for t in found for entry in (await read(t.path))[0]]
    said = "\n".join(entry.text for entry in entries if entry.role == "assistant")
    for answer in (
        r"same\s+calendar day",
        "bulk_update sends no post_save",
        "proxy listens on 8443",
        "integer number of cents",
    ):
        assert re.search(answer, said), answer


def test_no_sample_names_a_real_place():
    for path in folder().rglob("*.jsonl"):
        homes = set(re.findall(r"/(?:home|root|Users|work|tmp)/[\w.-]+", path.read_text()))
        assert homes <= {"/home/you"}
