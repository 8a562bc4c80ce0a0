"""/trends and /map, as people see them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import discord
import pytest
from pixels import pixels
from standin import Answer, Person
from standin.messages import Message
from town import HISTORY, VIEW, Town

from bot.askers import Member
from bot.exts.pictures import Drawn, _show
from bot.pictures.picture import Picture

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
NOTHING = "Nothing was found that is related, among the messages that you may read."
TOO_LITTLE = "There is too little for a map: it takes 40 messages at least that you may see."
ROUGH = (
    "There are too few messages yet to measure what is related: those with a similarity of 50 % or more were counted."
)
PATIENCE_S = 60  # the first picture loads the library, on a machine that may be busy
FERRY = "When does the ferry to the island leave?"


def told(answer: Answer) -> str:
    """The alternative text of the one picture."""
    [attachment] = answer.attachments
    return attachment["description"]


async def trends(town: Town, person: Person, **options: object) -> Answer:
    return await (await person.slash(town.square, "trends", text=FERRY, **options)).answer(PATIENCE_S)


async def drawn_map(town: Town, person: Person, **options: object) -> Answer:
    return await (await person.slash(town.square, "map", **options)).answer(PATIENCE_S)


def ferries(town: Town, n: int, *, start: datetime = MONDAY) -> list[Message]:
    """The question about the ferry, so many times, once a day."""
    return town.square.seed(town.bob, [FERRY] * n, start=start, step=timedelta(days=1))


def talk(town: Town, n: int = 60) -> None:
    """Three topics in turn, by two people."""
    topics = ("The ferry leaves the harbour", "We bake bread with butter", "My printer shows an error")
    texts = [f"{topics[i % 3]}, number {i}" for i in range(n)]
    town.square.seed([town.ada, town.ada, town.ada, town.bob, town.bob, town.bob], texts, start=MONDAY)


async def test_a_trend_is_a_picture_with_its_words(town: Town) -> None:
    """The asker alone gets a PNG, whose alternative text names weeks and channels, and what limits it."""
    ferries(town, 10)
    town.square.seed(town.bob, ["I bought a new bicycle yesterday"], start=MONDAY)
    await town.index()
    answer = await trends(town, town.ada)

    assert answer.is_ephemeral
    assert answer.attachments[0]["filename"] == "trends.png"
    assert pixels(answer.files[0]).shape == (675, 1200, 4)
    assert told(answer) == (
        "Bars for 10 messages from the week of 2025-03-03 to that of 2025-03-10 (weeks begin on Mondays, UTC). "
        "Most in the weeks of 2025-03-03 (7), 2025-03-10 (3). By channel: #square (10)."
    )
    assert answer.content == ROUGH


async def test_a_japanese_person_gets_a_japanese_picture(town: Town) -> None:
    """The alternative text is in the language of the asker's client."""
    ferries(town, 3)
    await town.index()
    hanako = town.newcomer("hanako", locale="ja")

    assert "3 件の棒グラフ" in told(await trends(town, hanako))


async def test_what_an_asker_may_not_read_is_in_no_picture(town: Town) -> None:
    """A hidden channel adds neither to the counts nor to the names, and is shown to who may read it."""
    ferries(town, 2)
    vault = town.private("vault", town.ada)
    vault.seed(town.ada, [FERRY] * 5, start=MONDAY)
    await town.index()

    assert "Bars for 2 messages" in told(await trends(town, town.bob))
    assert "vault" not in told(await trends(town, town.bob))
    assert "#vault (5), #square (2)" in told(await trends(town, town.ada))


async def test_a_trend_can_be_narrowed(town: Town) -> None:
    """To a channel and to a time; a moment that cannot be understood is told so."""
    ferries(town, 10)
    other = town.guild.text("harbour")
    other.seed(town.bob, [FERRY] * 3, start=MONDAY)
    await town.index()

    assert "Bars for 3 messages" in told(await trends(town, town.ada, channel=other))
    assert "Bars for 3 messages" in told(await trends(town, town.ada, channel=town.square, since="2025-03-10"))
    assert "is no date" in (await trends(town, town.ada, since="once")).content


async def test_where_nothing_is_related_there_is_no_picture(town: Town) -> None:
    """A sentence says so."""
    town.square.seed(town.bob, ["I bought a new bicycle yesterday"], start=MONDAY)
    await town.index()
    answer = await trends(town, town.ada)

    assert answer.attachments == []
    assert answer.content == NOTHING


async def test_a_map_is_a_picture_with_its_words(town: Town) -> None:
    """The asker alone gets a PNG, whose alternative text names the groups by their words."""
    talk(town)
    await town.index()
    answer = await drawn_map(town, town.ada)

    assert answer.is_ephemeral
    assert answer.attachments[0]["filename"] == "map.png"
    assert pixels(answer.files[0]).shape == (675, 1200, 4)
    assert told(answer).startswith("A map of 60 messages from 2025-03-03 to 2025-03-03")
    assert any(word in told(answer) for word in ("ferry", "harbour"))
    assert any(word in told(answer) for word in ("bread", "butter", "bake"))


async def test_a_map_shows_what_may_be_read_and_nothing_else(town: Town) -> None:
    """Who reads too little for a map is told so, whatever lies in channels that are hidden from them."""
    vault = town.private("vault", town.ada)
    vault.seed(town.ada, [f"The secret treasure number {i}" for i in range(60)], start=MONDAY)
    town.square.seed(town.bob, ["I bought a new bicycle yesterday"], start=MONDAY)
    await town.index()

    answer = await drawn_map(town, town.bob)
    assert (answer.content, answer.attachments) == (TOO_LITTLE, [])
    assert "A map of 60 messages" in told(await drawn_map(town, town.ada, channel=vault))
    assert (await drawn_map(town, town.ada, since="1d")).content == TOO_LITTLE


@pytest.mark.parametrize("command", ["trends", "map"])
async def test_moments_are_offered(town: Town, command: str) -> None:
    """While somebody types, as in /similar."""
    text = {"text": FERRY} if command == "trends" else {}
    choices = await town.ada.autocomplete(town.square, command, focus="since", since="30", **text)

    assert [choice["value"] for choice in choices] == ["30d"]


async def test_a_channel_that_was_closed_is_not_shown(town: Town) -> None:
    """Who may no longer read a channel gets a picture without it."""
    ferries(town, 2)
    vault = town.private("vault", town.bob)
    vault.seed(town.bob, [FERRY] * 5, start=MONDAY)
    await town.index()
    assert "#vault (5)" in told(await trends(town, town.bob))
    await vault.overwrite(town.bob, deny=VIEW | HISTORY)

    assert "vault" not in told(await trends(town, town.bob))


@dataclass
class Closing:
    """Somebody who asks, and who loses a channel each time that Discord is asked anew; itself the bot that they ask."""

    channel_ids: list[int]
    shown: list[tuple[str | None, list[discord.File]]] = field(default_factory=list)

    @property
    def client(self) -> "Closing":
        return self

    async def asker_of(self, _: "Closing") -> Member:
        return Member(1, 2, frozenset(self.channel_ids))

    async def asker_now(self, _: "Closing", channel_ids: Collection[int]) -> Member:
        self.channel_ids = self.channel_ids[:-1] if len(self.channel_ids) > 1 else self.channel_ids
        return Member(1, 2, frozenset(self.channel_ids) & frozenset(channel_ids))

    async def edit_original_response(self, *, content: str | None, attachments: list[discord.File]) -> None:
        self.shown.append((content, attachments))


async def test_a_picture_is_drawn_anew_while_permissions_shrink() -> None:
    """What tells of a channel that was closed while it was drawn is shown to nobody."""
    closing, drawn = Closing([1, 2, 3]), []

    async def draw(asker: Member) -> Drawn:
        drawn.append(asker.channel_ids)
        return Drawn(Picture(b"png", "a picture"), [str(sorted(asker.channel_ids))], asker.channel_ids)

    await _show(closing, "map.png", draw)

    assert drawn == [{1, 2, 3}, {1, 2}, {1}]
    assert [(content, files[0].description) for content, files in closing.shown] == [("[1]", "a picture")]
