"""The main job from end to end: through the embeddings API, and on Discord from invitation to answer."""

import asyncio
from datetime import UTC, datetime, timedelta

import discord as discord_py
from live import eventually, running
from make import exported_message, write_export
from openai_server import KEY, EmbeddingsServer, meant
from standin import Discord
from test_cli import ASKED, STORED, bot, rows
from town import shown


async def test_the_worked_example_comes_out_through_the_api_too(tmp_path):
    """Imported in one request, mirrored and asked through text-embedding-3-large, the same message is the nearest."""
    path = write_export(tmp_path / "bath.json", [exported_message(10 + i, text) for i, text in enumerate(STORED)])
    async with EmbeddingsServer(vectors_of=meant) as api:
        settings = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": api.base_url}
        imported = await asyncio.to_thread(bot, "import", str(path), **settings)
        asked = await asyncio.to_thread(bot, "similar", ASKED, "--json", **settings)
        like = await asyncio.to_thread(bot, "similar", "--message", "14", "--json", **settings)
        status = rows(await asyncio.to_thread(bot, "status", "--json", **settings))[0]

    assert (imported.returncode, imported.stderr) == (0, "")
    assert rows(asked)[0]["content"] == STORED[-1]
    assert rows(like)[0]["content"] == STORED[-2]
    assert (status["dim"], status["embedded"], status["pending"]) == (3072, 5, 0)
    assert [request.n_texts for request in api.requests] == [5, 1]


BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VIEW = discord_py.Permissions(view_channel=True)
SAID = (
    "The library closes at eight on Fridays",
    "図書館は金曜日は八時に閉まります",
    "Somebody left a blue umbrella on the tram",
    "How do I reset the router after an update?",
    "The bakery on the corner has rye bread again",
)


def chatter(n: int) -> list[str]:
    return [f"{SAID[i % len(SAID)]}, note {i}" for i in range(n)]


async def test_a_community_from_invitation_to_goodbye(tmp_path) -> None:  # noqa: PLR0915  # a story is told in one go
    """Invited, told to index, asked by two who see different channels, through edits, deletions, a lost role,
    a restart, a share and a stop, the bot shows what there is to whom it may be shown, and holds nothing else.
    """
    async with Discord.open() as discord:
        ada, bob = discord.person("ada"), discord.person("bob", locale="ja")
        town = discord.guild("Town", owner=ada, bot_is_member=False)
        keeper = town.role("keepers")
        town.join(bob, roles=[keeper])
        square, forum = town.text("square"), town.forum("help")
        hidden = {town.everyone: (0, VIEW), keeper: (VIEW, 0), discord.bot: (VIEW, 0)}
        vault = town.text("vault", overwrites=hidden)
        carol = discord.person("carol")
        town.join(carol)
        square.seed(ada, chatter(3_000), start=BEGAN, step=MINUTE)
        vault.seed(bob, [*chatter(500), "the combination of the safe is in the blue book"], start=BEGAN, step=MINUTE)
        for n in range(3):
            post = await forum.post(ada, f"Question {n}", f"a question about gardening, number {n}")
            post.seed(ada, chatter(299), start=BEGAN + timedelta(days=200), step=MINUTE)
        old = await square.thread("old plans", by=ada)
        old.seed(ada, chatter(600), start=BEGAN + timedelta(days=200), step=MINUTE)
        await old.archive()

        async with running(discord, tmp_path / "data") as live:
            await town.add_bot()
            answer = await (await ada.slash(square, "similar", text="gardening")).answer()
            assert "Nothing was found" in shown(answer)

            progress = await (await ada.slash(square, "index start")).answer()
            await eventually(lambda: "has been read" in progress.refresh().content, within=60)
            assert live.rows("SELECT count(*) FROM messages") == [(5_001,)]
            await eventually(lambda: not live.n_waiting(), within=60)

            secret = "what is the combination of the safe?"
            by_keeper = await (await bob.slash(square, "similar", text=secret)).answer()
            assert "似たメッセージ" in by_keeper.embeds[0]["title"]
            assert "the combination of the safe" in shown(by_keeper)
            by_guest = await (await carol.slash(square, "similar", text=secret)).answer()
            assert "the combination of the safe" not in shown(by_guest)
            assert f"<#{vault.id}>" not in shown(by_guest)

            lost = await square.post(carol, "I lost my green scarf at the fountain")
            await lost.edit("I found my red mittens behind the theatre")
            mittens = "who found mittens at the theatre?"
            await eventually(lambda: "mittens" in " ".join(live.texts(town.id)) and not live.n_waiting())
            found = await (await carol.slash(square, "similar", text=mittens)).answer()
            assert "red mittens" in shown(found)
            await lost.delete()
            await eventually(lambda: not live.rows("SELECT 1 FROM messages WHERE message_id = ?", lost.id))
            found = await (await carol.slash(square, "similar", text=mittens)).answer()
            assert "mittens" not in shown(found)

            both = await (await bob.slash(square, "similar", text="what is in the safe?", limit=20)).answer()
            assert both.buttons
            library = await (await carol.slash(square, "similar", text="library opening hours", limit=20)).answer()
            first = shown(library)

        async with running(discord, tmp_path / "data") as live:
            turned = await (await carol.press(library, "Next")).answer()
            assert shown(turned) != first
            assert shown(turned).startswith("**6.**")

            await town.take(bob, keeper)
            page = await (await bob.press(both, "次へ")).answer()
            assert f"<#{vault.id}>" not in shown(page)
            again = await (await bob.slash(square, "similar", text=secret)).answer()
            assert "the combination of the safe" not in shown(again)

            await carol.press(turned, "Share")
            await eventually(lambda: "Shared by" in square.messages[-1].content)
            shared = square.messages[-1]
            source = next(m for m in square.messages if f"/{m.id})" in shared.embeds[0]["description"])
            await source.delete()
            await eventually(lambda: f"/{source.id})" not in shared.embeds[0]["description"])

            stopped = await (await ada.slash(square, "index stop")).answer()
            assert "Nothing new is stored" in shown(stopped)
            n_before = live.rows("SELECT count(*) FROM messages")
            await square.post(carol, "nobody keeps this")
            await (await ada.slash(square, "index status")).answer()
            assert live.rows("SELECT count(*) FROM messages") == n_before
            assert "Traceback" not in live.said
