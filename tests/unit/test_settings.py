import pytest
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.settings import ENVIRONMENT_ONLY, PROJECT_SETTABLE, Settings, for_project, load, user_file


def project(tmp_path, text: str) -> str:
    (tmp_path / "pyproject.toml").write_text(text)
    return str(tmp_path)


def test_the_environment_wins_over_the_users_file(monkeypatch):
    user_file().parent.mkdir(parents=True)
    user_file().write_text("search_limit = 7\nembed_threads = 3\n")
    monkeypatch.setenv("SESSION_MGMT_SEARCH_LIMIT", "9")
    settings = load()
    assert (settings.search_limit, settings.embed_threads) == (9, 3)


@pytest.mark.parametrize("name", sorted(ENVIRONMENT_ONLY))
def test_the_users_file_cannot_move_the_directories(name):
    user_file().parent.mkdir(parents=True)
    user_file().write_text(f'{name} = "/elsewhere"\nsearch_limit = 7\n')
    assert str(getattr(load(), name)) != "/elsewhere" and load().search_limit == 7


def test_a_project_may_set_the_harmless_ones(tmp_path):
    folder = project(tmp_path, "[tool.session-mgmt]\nsearch-limit = 8\n")
    assert for_project(load(), folder).search_limit == 8


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - PROJECT_SETTABLE))
def test_a_project_cannot_set_anything_else(tmp_path, name):
    folder = project(tmp_path, f'[tool.session-mgmt]\n{name} = "/evil"\nsearch_limit = 8\n')
    before = load()
    after = for_project(before, folder)
    assert getattr(after, name) == getattr(before, name) and after.search_limit == 8


@pytest.mark.parametrize(
    "text", ["[tool.session-mgmt]\nsearch_limit = -1\n", "not toml [", "tool = 1", "[tool]\nsession-mgmt = 3", "\xff"]
)
def test_a_broken_project_file_changes_nothing(tmp_path, text):
    (tmp_path / "pyproject.toml").write_bytes(text.encode("latin-1"))
    try:
        assert for_project(load(), str(tmp_path)) == load()
    except AttributeError:
        pytest.fail("a project's file broke the user's tools")


def test_the_environment_wins_over_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_SEARCH_LIMIT", "9")
    folder = project(tmp_path, "[tool.session-mgmt]\nsearch_limit = 8\n")
    assert for_project(load(), folder).search_limit == 9


def test_a_wrong_setting_is_one_sentence_that_names_it(monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_SEARCH_LIMIT", "many")
    with pytest.raises(Invalid, match="search_limit") as caught:
        load()
    assert "\n" not in str(caught.value)


def test_a_users_file_that_is_not_toml_is_named(tmp_path):
    user_file().parent.mkdir(parents=True)
    user_file().write_text("search_limit =")
    with pytest.raises(Invalid, match=r"settings\.toml"):
        load()
