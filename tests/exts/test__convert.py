"""What is stored of what comes with a message."""

import json
from typing import Any

import pytest
from live import eventually
from town import Town, shown


async def stored(town: Town, message: Any) -> tuple[Any, ...]:
    """The attached text, the names and the answered message of a message, once it has its vector."""
    await eventually(lambda: town.bot.rows("SELECT 1 FROM embeddings WHERE message_id = ?", message.id))
    [row] = town.bot.rows("SELECT attached, names, reply_to FROM messages WHERE message_id = ?", message.id)
    return row


async def test_what_came_with_a_message_can_be_read(town: Town) -> None:
    """Titles and descriptions of embeds, names of files that tell something, and what pictures show."""
    await town.index()
    message = await town.square.post(
        town.bob,
        "look",
        attachments=[{"filename": "image.png", "description": "a frozen harbour"}, "tide-table.pdf"],
        embeds=[{"type": "rich", "title": "Ice in the port", "description": "Ships wait", "footer": {"text": "News"}}],
    )

    attached, _, _ = await stored(town, message)
    assert attached == "Ice in the port\nShips wait\na frozen harbour\ntide-table.pdf"
    assert "look" in shown(await town.similar(town.ada, "a frozen harbour"))


async def test_what_was_forwarded_comes_with_all_it_had(town: Town) -> None:
    """The text of the source is shown, what came with it can be read."""
    await town.index()
    source = await town.square.post(town.ada, "the harbour", attachments=["tide-table.pdf"])
    message = await town.square.post(town.bob, snapshots=[source])

    assert (await stored(town, message))[0] == "tide-table.pdf"
    assert "the harbour" in town.bot.texts(town.guild.id)


async def test_a_file_alone_is_shown_by_its_name(town: Town) -> None:
    """A message without text is found by what came with it, which is what is shown of it."""
    await town.index()
    await stored(town, await town.square.post(town.bob, attachments=["tide-table-of-march.pdf"]))

    assert "tide-table-of-march.pdf" in shown(await town.similar(town.ada, "tide-table-of-march.pdf"))


async def test_a_link_that_is_unfurled_later_is_found_by_its_title(town: Town) -> None:
    """Discord tells of a link's title in an update without an edit, which is no edit here either."""
    await town.index()
    message = await town.square.post(town.bob, "https://example.com/4711")
    await stored(town, message)
    await message.unfurl(title="Ice in the port")
    await stored(town, await town.square.post(town.bob, "after the link"))

    await town.settled()
    assert (await stored(town, message))[0] == "Ice in the port"
    assert message.url in shown(await town.similar(town.ada, "ice in the port"))


async def test_mentions_are_kept_by_name(town: Town) -> None:
    """Members, roles and open channels; a channel that not everybody may see is named to nobody."""
    role = town.guild.role("harbour master")
    vault = town.private("vault")
    await town.index()
    text = f"{town.ada.mention} <@&{role.id}> <#{town.square.id}> <#{vault.id}>"
    message = await town.square.post(town.bob, text)

    _, names, _ = await stored(town, message)
    assert json.loads(names) == {
        str(town.ada.id): town.ada.name,
        str(role.id): "harbour master",
        str(town.square.id): "square",
    }


async def test_another_name_is_no_other_text(town: Town) -> None:
    """What is told of a message once more, while somebody is called otherwise, costs no new vector."""
    await town.index()
    message = await town.square.post(town.bob, f"ask {town.ada.mention} about the harbour")
    before = await stored(town, message)
    town.ada.name = "another"
    message.dispatch_update()
    await stored(town, await town.square.post(town.bob, "after the update"))

    assert await stored(town, message) == before


@pytest.mark.parametrize("is_reply", [True, False])
async def test_an_answer_knows_what_it_answers(town: Town, is_reply: bool) -> None:
    """Only a reply does; another message refers to nothing."""
    await town.index()
    question = await town.square.post(town.ada, "when does the harbour freeze?")
    message = await town.square.post(town.bob, "in January", reply_to=question if is_reply else None)

    assert (await stored(town, message))[2] == (question.id if is_reply else None)
