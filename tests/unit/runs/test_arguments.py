import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.runs.arguments import command_of, options_of
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.quality_runner import Command, Options


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "test_cart.py").write_text("")
    (folder / "-k").write_text("")
    (tmp_path / "other.py").write_text("")
    (folder / "link").symlink_to(tmp_path)
    return folder


@pytest.mark.parametrize("command", Command)
def test_a_semantic_command_is_taken(command):
    assert command_of(f" {command} ") is command


@pytest.mark.parametrize(
    ("said", "args", "right"),
    [
        ("--ai-fix -t", "", 'command="test", ai_agent_mode=true'),
        ("-t", "", 'command="test"'),
        ("--run-tests", "--fail-fast", 'command="test", args="--fail-fast"'),
        ("--fast", "", 'command="lint"'),
        ("--comp", "", 'command="check"'),
        ("run --ai-fix", "", 'command="all", ai_agent_mode=true'),
        ("--ai-fix", "", 'command="all", ai_agent_mode=true'),
        ("tests", "--ai-fix", 'command="test", ai_agent_mode=true'),
        ("mypy", "", 'command="check"'),
    ],
)
def test_wrong_usage_is_answered_with_the_right_call(said, args, right):
    with pytest.raises(Invalid) as error:
        command_of(said, args)
    assert right in str(error.value)


@pytest.mark.parametrize("said", ["deploy", "", "test; rm -rf /", "$(id)", "--publish patch"])
def test_what_is_no_command_is_answered_with_the_commands(said):
    with pytest.raises(Invalid, match=r"command: "):
        command_of(said)


@given(st.text(max_size=60))
def test_no_other_text_is_a_command(text):
    if text.strip() not in tuple(Command):
        with pytest.raises(Invalid):
            command_of(text)


def test_options_are_read_from_a_closed_set(shop):
    assert options_of("--changed-only -x --workers 2 tests/test_cart.py::test_total", shop) == Options(
        True, True, 2, ("tests/test_cart.py::test_total",)
    )


def test_no_arguments_ask_for_nothing(shop):
    assert not options_of("  ", shop).named


def test_ai_fix_in_args_is_answered_with_the_right_call(shop):
    with pytest.raises(Invalid, match=r'call it with args="--fail-fast", ai_agent_mode=true'):
        options_of("--ai-fix --fail-fast", shop)


def test_a_command_in_args_is_answered_with_the_right_call(shop):
    with pytest.raises(Invalid, match='command="test"'):
        options_of("--run-tests", shop)


@pytest.mark.parametrize(
    "args",
    [
        "--unsafe",
        "-k total",
        "../other.py",
        "link/other.py",
        "/etc/passwd",
        "gone.py",
        "'open",
        "--workers",
        "--workers=-1",
    ],
)
def test_anything_else_is_refused(shop, args):
    with pytest.raises(Invalid, match=r"^args: "):
        options_of(args, shop)


def test_a_file_named_like_an_option_is_reached_by_its_place(shop):
    assert options_of("./-k", shop).paths == ("-k",)


@given(st.text(max_size=80))
def test_whatever_is_given_is_taken_or_refused_in_one_sentence(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    try:
        options = options_of(text, folder)
    except Invalid as error:
        assert str(error).startswith("args: ")
    else:
        assert all(
            (folder / path.partition("::")[0]).resolve().is_relative_to(folder.resolve()) for path in options.paths
        )
