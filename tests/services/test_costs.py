"""What it takes, by server, and what embedding will cost."""

import pytest
from conftest import Rooms, rooms_over
from fakes import WordEmbedder, words_in
from make import GUILD, OTHER_GUILD, message

from bot.services.costs import Costs, Estimate, Forecast, ServerCosts
from bot.services.prices import Prices
from bot.services.spaces import Space
from bot.services.spending import Spending
from bot.storage.database import Database
from bot.storage.ledger import Ledger

KEYED = "openai:words"


async def paying_rooms(database: Database, *, budget: float | None = None) -> Rooms:
    """The services with an embedder of which ten words cost a dollar."""
    spending = Spending(Ledger(database), Prices({KEYED: 1e5}), count=words_in, budget=budget)
    return await rooms_over(database, WordEmbedder(model_key=KEYED), spending=spending)


def costs(rooms: Rooms) -> Costs:
    return Costs(rooms.messages, rooms.servers, rooms.spaces, rooms.spending)


async def test_each_server_is_told_what_it_takes(rooms: Rooms) -> None:
    """A text of 4 letters takes 104 bytes, a vector of 64 numbers the 87th part of a page, its index 128 + 45."""
    await rooms.ingest.saved(GUILD, [message(1, "fish"), message(2, "bird"), message(3, "")])
    await rooms.settle()
    await rooms.ingest.saved(OTHER_GUILD, [message(4, "waits", guild_id=OTHER_GUILD)])

    assert await costs(rooms).by_server() == [
        ServerCosts(
            guild_id=str(GUILD),
            name="Town",
            messages=3,
            embedded=2,
            index="exact",
            index_bytes=2 * (128 + 45),
            disk_bytes=2 * 104 + 100 + 2 * 16_384 // 87,
        ),
        ServerCosts(
            guild_id=str(OTHER_GUILD), name="Town", messages=1, embedded=0, index="exact", index_bytes=0, disk_bytes=105
        ),
    ]


async def test_the_file_of_an_index_is_on_the_disk_too(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of a server's index is counted with its rows."""
    await rooms.ingest.saved(GUILD, [message(1, "fish")])
    [before, _] = await costs(rooms).by_server()
    monkeypatch.setattr(type(rooms.mirror.workshop), "file_size", lambda _, guild_id: 5_000 * (guild_id == GUILD))
    [after, other] = await costs(rooms).by_server()

    assert (after.disk_bytes - before.disk_bytes, other.disk_bytes) == (5_000, 0)


async def test_a_text_is_a_token_for_four_latin_letters_or_a_japanese_one(rooms: Rooms) -> None:
    """Eight letters are two tokens, three kana three; without a price no money is told."""
    await rooms.ingest.saved(GUILD, [message(1, "fishbird"), message(2, "さかな"), message(3, "")])

    assert await costs(rooms).estimate() == Estimate(former=None, texts=2, tokens=5, dollars=None)


@pytest.mark.parametrize(
    ("model_key", "dollars"),
    [
        ("openai:text-embedding-3-small", 0.02),
        ("openai:text-embedding-3-large", 0.13),
        ("openai:text-embedding-ada-002", 0.10),
        ("openai:http://127.0.0.1:9/v1:bge-m3", None),
        ("local", None),
    ],
)
async def test_what_waits_is_priced_by_its_model(rooms: Rooms, model_key: str, dollars: float | None) -> None:
    """Two thousand tokens, a thousand of the parts of a long text, cost the 500th part of what a million does."""
    paid = await rooms_over(rooms.database, WordEmbedder(32, model_key=model_key))
    await paid.ingest.saved(GUILD, [message(1, "a" * 4_000)])
    estimate = await costs(paid).estimate()

    assert (estimate.texts, estimate.tokens) == (1, 2_000)
    assert estimate.dollars == (None if dollars is None else pytest.approx(dollars / 500))


async def test_what_has_its_vector_is_not_paid_again(rooms: Rooms) -> None:
    """Of four texts of equal length of which one waits, a quarter of the tokens is left; of none, nothing."""
    await rooms.ingest.saved(GUILD, [message(n, f"fish no{n}") for n in range(1, 4)])
    await rooms.settle()
    assert await costs(rooms).estimate() == Estimate(former=None, texts=0, tokens=0, dollars=None)
    await rooms.ingest.saved(GUILD, [message(4, "fish no4")])

    assert await costs(rooms).estimate() == Estimate(former=None, texts=1, tokens=2, dollars=None)


async def test_what_has_no_room_takes_none(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers get their indexes in the order in which a start makes them, while there is room."""
    await rooms.ingest.saved(GUILD, [message(1, "fish"), message(2, "bird")])
    await rooms.ingest.saved(OTHER_GUILD, [message(4, "tree", guild_id=OTHER_GUILD)])
    await rooms.settle()
    monkeypatch.setattr(rooms.mirror.workshop.room, "n_bytes", 2 * (128 + 45) - 1)

    assert [(one.index, one.index_bytes) for one in await costs(rooms).by_server()] == [("none", 0), ("exact", 173)]


async def test_what_a_history_will_cost_is_measured_on_what_was_charged_for(database: Database) -> None:
    """A hundred texts that were paid for tell how many tokens a thousand messages have, and what those cost."""
    rooms = await paying_rooms(database, budget=100.0)
    await rooms.spending.put_budget(GUILD, 30.0)
    await rooms.ingest.saved(OTHER_GUILD, [message(i, f"fish no{i}", guild_id=OTHER_GUILD) for i in range(1, 101)])
    await rooms.settle()
    await rooms.ingest.saved(GUILD, [message(200, "waits")])

    assert await costs(rooms).forecast(GUILD) == Forecast(
        model_key=KEYED,
        messages=1,
        pending=1,
        pending_tokens=2,
        tokens=2_000,
        n_measured=100,
        dollars=pytest.approx(200.0),
        dollars_left=pytest.approx(30.0),
    )
    assert (await costs(rooms).forecast(GUILD)).n_affordable == 150
    assert (await costs(rooms).forecast(OTHER_GUILD)).dollars_left is None


async def test_without_receipts_it_is_measured_on_what_is_stored(database: Database) -> None:
    """A hundred stored messages of eight letters are two tokens each, also where nothing of them is embedded."""
    rooms = await paying_rooms(database)
    await rooms.ingest.saved(GUILD, [message(i, f"fish {i:03}") for i in range(1, 101)])
    forecast = await costs(rooms).forecast(GUILD)

    assert (forecast.tokens, forecast.n_measured, forecast.pending_tokens) == (2_000, 100, 200)
    assert (forecast.dollars_left, forecast.n_affordable) == (None, None)


async def test_with_nothing_to_measure_by_it_is_assumed(rooms: Rooms) -> None:
    """Twenty tokens a message, said to be measured on nothing; without a price there are no dollars."""
    forecast = await costs(rooms).forecast(GUILD)

    assert (forecast.tokens, forecast.n_measured, forecast.dollars, forecast.n_affordable) == (20_000, 0, None, None)


async def test_only_a_model_that_is_paid_for_is_paid(database: Database, rooms: Rooms) -> None:
    """What runs here is not, and what another server runs is, unless it is said to be free."""
    paid = await paying_rooms(database)

    assert (costs(rooms).is_paid, costs(paid).is_paid) == (False, True)


async def test_while_the_model_changes_both_count(rooms: Rooms) -> None:
    """A server takes what its former vectors and its new ones take, and the change is told with what it comes to."""
    await rooms.ingest.saved(GUILD, [message(1, "fish"), message(2, "bird")])
    await rooms.settle()
    assert await costs(rooms).change() is None
    new = await rooms_over(rooms.database, WordEmbedder(32, model_key="other words"))
    new.spaces.former = Space(rooms.embeddings, rooms.embedder, rooms.mirror)
    texts = await new.embeddings.pending(1)
    await new.embeddings.put_many(texts, await new.embedder.embed([text.text for text in texts]))
    [server, _] = await costs(new).by_server()

    assert (server.index_bytes, server.embedded) == (2 * (128 + 45) + 64 + 45, 1)
    assert await costs(new).change() == Estimate(former="words", texts=1, tokens=1, dollars=None)
