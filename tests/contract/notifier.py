"""What every Notifier does."""

from collections.abc import Sequence

import pytest
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.notifier import Notifier


class NotifierContract:
    """Subclass it and give fixtures: a `notifier`, the `shown` (title, text) pairs of its desktop, and one `nowhere`."""

    async def test_what_is_notified_is_shown_in_order(self, notifier: Notifier, shown: Sequence[object]) -> None:
        await notifier.notify("Call Bob", "due at nine")
        await notifier.notify("Order lunch", "")
        assert list(shown) == [("Call Bob", "due at nine"), ("Order lunch", "")]

    async def test_text_is_shown_as_it_is(self, notifier: Notifier, shown: Sequence[object]) -> None:
        title, text = 'Über <b>"größe"</b> & 日本', "a < b && <img src='x'> \U0001f600"
        await notifier.notify(title, text)
        assert list(shown) == [(title, text)]

    async def test_the_desktop_has_a_name(self, notifier: Notifier) -> None:
        assert await notifier.desktop()

    async def test_where_no_desktop_is_that_is_said(self, nowhere: Notifier) -> None:
        for asked in (nowhere.desktop(), nowhere.notify("Call Bob", "")):
            with pytest.raises(Unavailable, match="wait for a session"):
                await asked
