"""What every PriceList does."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from session_mgmt_mcp.ports.price_list import Price, PriceList

ODD = ["", " ", "\0", "../x", "no-such-model", "x" * 10_000, "日本", "\ud800", "*", ".*", "(", "openai/"]


class PriceListContract:
    """Subclass it and give `prices`, which knows what the model `known` of the provider `dear` costs, and that all those
    of `free` cost nothing."""

    dear = "anthropic"
    known: str
    free = "ollama"

    def test_what_is_known_costs_something(self, prices: PriceList) -> None:
        price = prices.price(self.dear, self.known)
        assert price is not None and price.input > 0 and price.output > 0
        assert price == prices.price(self.dear, self.known)

    def test_it_is_counted_exactly(self, prices: PriceList) -> None:
        price = prices.price(self.dear, self.known)
        assert price is not None and isinstance(price.input, Decimal) and isinstance(price.output, Decimal)
        assert price.of(1_000_000, 2_000_000) == price.input + 2 * price.output

    @pytest.mark.parametrize("model", ODD)
    def test_an_unknown_model_has_no_price(self, prices: PriceList, model: str) -> None:
        assert prices.price(self.dear, model) is None

    @pytest.mark.parametrize("provider", ODD)
    def test_an_unknown_provider_has_none_either(self, prices: PriceList, provider: str) -> None:
        assert prices.price(provider, self.known) is None

    @pytest.mark.parametrize("model", ODD)
    def test_what_is_free_costs_nothing_whatever_it_is_called(self, prices: PriceList, model: str) -> None:
        assert prices.price(self.free, model) == Price(Decimal(0), Decimal(0))

    def test_many_ask_at_once(self, prices: PriceList) -> None:
        with ThreadPoolExecutor(4) as threads:
            told = [*threads.map(lambda _: prices.price(self.dear, self.known), range(20))]
        assert len(set(told)) == 1 and told[0] is not None

    def test_nothing_is_looked_up_on_a_network(self, prices: PriceList, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object, **__: object) -> None:
            raise AssertionError("it went to the network")

        for way in ("connect", "connect_ex", "sendto"):
            monkeypatch.setattr(socket.socket, way, refused)
        monkeypatch.setattr(socket, "getaddrinfo", refused)
        before = threading.active_count()
        assert prices.price(self.dear, self.known) is not None and prices.price(self.dear, "no-such-model") is None
        assert threading.active_count() == before
