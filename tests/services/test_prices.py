"""Which models cost something, and how much."""

import pytest

from bot.services.prices import Prices

LOCAL, SMALL, OWN = "local:some-model@1", "openai:text-embedding-3-small", "openai:http://127.0.0.1:8080/v1:some-model"


def test_prices_are_told_of_openais_own_models() -> None:
    """A model of another server has no price, whatever its name is."""
    prices = Prices()

    assert [prices.of(key) for key in (SMALL, OWN, LOCAL)] == [0.02, None, None]
    assert prices.of("openai:http://127.0.0.1:8080/v1:text-embedding-3-small") is None


def test_what_the_operator_tells_wins() -> None:
    """A price that is set counts for its model alone."""
    prices = Prices({SMALL: 0.5, OWN: 0.1})

    assert [prices.of(key) for key in (SMALL, OWN, "openai:text-embedding-3-large")] == [0.5, 0.1, 0.13]


@pytest.mark.parametrize(
    ("key", "told", "counts"),
    [
        pytest.param(LOCAL, {}, False, id="runs here"),
        pytest.param(SMALL, {}, True, id="is paid for"),
        pytest.param(OWN, {}, True, id="costs nobody knows what"),
        pytest.param(OWN, {OWN: 0.0}, False, id="is free, as the operator says"),
    ],
)
def test_what_may_cost_something_is_counted(key: str, told: dict[str, float], counts) -> None:
    """Only a model that runs here, or is said to be free, is left out of the ledger."""
    assert Prices(told).counts(key) is counts
