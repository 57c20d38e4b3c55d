import pytest

from tests.unit.teams.worlds import Hub, World, core


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def hub(world) -> Hub:
    """With the team `core`; see `core`."""
    hub = world.hub()
    await core(hub)
    return hub
