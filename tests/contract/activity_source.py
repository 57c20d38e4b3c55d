"""What every ActivitySource does."""

from session_mgmt_mcp.ports.activity_source import ActivitySource


class ActivitySourceContract:
    """Subclass it and give `source`, and `running`: the name of a program that runs for this user."""

    async def test_a_running_program_is_named_once(self, source: ActivitySource, running: str) -> None:
        assert list(await source.programs()).count(running) == 1

    async def test_nothing_but_names_is_told(self, source: ActivitySource) -> None:
        names = await source.programs()
        assert all(isinstance(name, str) and name for name in names)
