"""Where in long texts the passages stand by which they were found."""

from typing import Any

import pytest
from conftest import Rooms
from make import CHANNEL, GUILD, message, server

from bot.askers import Operator
from bot.messages import Channel, ChannelKind, Hit, Mode, Query

BEES = "The bees have swarmed again and sit in the old pear tree. "
TAXES = "The tax office wants the form for the last year by Friday. "
TAX_FORM = "tax office form Friday"
MODES = pytest.mark.parametrize("mode", [Mode.MEANING, Mode.BOTH, Mode.WORDS])


async def found(rooms: Rooms, *said: Any, text: str = TAX_FORM, mode: Mode = Mode.BOTH) -> Hit:
    """The nearest to a question of the messages, once they are embedded."""
    await rooms.ingest.saved(GUILD, said)
    await rooms.settle()
    return (await rooms.search.similar(Operator(), Query(text=text, mode=mode)))[0]


def quoted(hit: Hit) -> str:
    return hit.message.shown[hit.quoted_from :]


@MODES
async def test_a_long_text_is_quoted_from_the_part_that_was_nearest(rooms: Rooms, mode: Mode) -> None:
    """By its words it is the part with most of those."""
    hit = await found(rooms, message(1, BEES * 5 + TAXES * 5), mode=mode)

    assert quoted(hit) == TAXES * 5


@MODES
async def test_what_is_said_at_the_beginning_is_quoted_from_there(rooms: Rooms, mode: Mode) -> None:
    """Neither the first part nor the whole has anything before it."""
    first = await found(rooms, message(1, TAXES * 5 + BEES * 5), mode=mode)
    whole = await found(rooms, message(2, BEES * 5 + TAXES * 5), text=BEES + TAXES, mode=mode)

    assert first.quoted_from == 0
    assert mode is Mode.WORDS or whole.quoted_from == 0


async def test_a_short_text_is_quoted_whole(rooms: Rooms) -> None:
    """Also where its vector has parts, for the long text that it answers."""
    question = message(1, BEES * 8)
    hit = await found(rooms, question, message(2, "by Friday?", reply_to=1), text="Friday")

    assert (hit.message.message_id, hit.quoted_from) == (2, 0)


async def test_quotes_of_others_do_not_move_the_place(rooms: Rooms) -> None:
    """However many there are before what somebody says: they are left out of what is embedded."""
    quote = "> The river rose and the bridge was closed on Monday.\n"
    hit = await found(rooms, message(1, 4 * quote + BEES * 10 + TAXES * 5))

    assert quoted(hit) == TAXES * 5


async def test_markup_is_counted_as_it_was_embedded(rooms: Rooms) -> None:
    """Names stand in the vector for the ids that stand in the text, and what others said is left out of it."""
    quote = "> The river rose and the bridge was closed on Monday.\n"
    calls = "<@100000000000000001> <@100000000000000001> "
    names = ((100000000000000001, "Bartholomew of the seven gardens"),)
    hit = await found(rooms, message(1, quote + calls + BEES * 4 + TAXES * 5, names=names))

    assert quoted(hit).endswith(TAXES * 5)
    assert len(quoted(hit)) <= len(TAXES * 6)


async def test_the_title_of_a_thread_is_no_part_of_what_is_quoted(rooms: Rooms) -> None:
    """It stands in the vector before the text, so that parts begin elsewhere."""
    title = "What became of the apiary behind the town hall this spring"
    await rooms.ingest.met(server(), Channel(GUILD, 1, title, ChannelKind.THREAD, parent_id=CHANNEL))
    hit = await found(rooms, message(1, BEES * 5 + TAXES * 5))

    assert quoted(hit) == TAXES * 4


async def test_what_came_with_a_message_is_quoted_where_nothing_was_written(rooms: Rooms) -> None:
    """An embed's text may be as long as a message; beside a text it is not shown at all."""
    alone = await found(rooms, message(1, "", attached=BEES * 5 + TAXES * 5))
    await rooms.ingest.deleted(GUILD, [1])
    beside = await found(rooms, message(2, BEES * 8, attached=TAXES * 5))

    assert quoted(alone) == TAXES * 5
    assert quoted(beside) == BEES * 8


async def test_japanese_is_quoted_from_where_a_sentence_begins(rooms: Rooms) -> None:
    """Without any space."""
    bees, taxes = "蜂がまた群れて古い梨の木に止まっている。", "税務署は金曜日までに申告書を出せと言う。"
    hit = await found(rooms, message(1, bees * 4 + taxes * 4), text=taxes, mode=Mode.WORDS)

    assert quoted(hit) == taxes * 4
    [hit] = await rooms.search.similar(Operator(), Query(text="税", mode=Mode.WORDS))
    assert quoted(hit) == taxes * 4


async def test_a_message_whose_parts_are_damaged_is_quoted_from_its_beginning(rooms: Rooms) -> None:
    """Which of them is nearest cannot be told."""
    await found(rooms, message(1, BEES * 5 + TAXES * 5))
    async with rooms.database.transaction() as transaction:
        await transaction.execute("UPDATE parts SET checksum = checksum + 1 WHERE part = 1")

    [hit] = await rooms.search.similar(Operator(), Query(text=TAX_FORM))

    assert hit.quoted_from == 0
