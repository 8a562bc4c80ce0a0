"""The languages that commands are named and people are answered in."""

import pytest
from standin import Discord
from standin.rules import nodes
from town import Town, shown

COMMANDS = ["similar", "duplicates", "groups", "trends", "map", "privacy", "index", "suggest", "watch"]
MENUS = ["Find similar", "Mark as duplicate of..."]
EXPECTED = {"similar": "類似検索", "groups": "グループ", "index": "索引", "Find similar": "似たメッセージを探す"}
LIMIT_OF_NAME, LIMIT_OF_DESCRIPTION, LIMIT_OF_COMMAND = 32, 100, 8_000


def registered(discord: Discord) -> list[dict]:
    """The commands that the bot has told Discord, with all that is in them."""
    return [part for command in discord.commands.of(None) for part in _parts(command)]


def _parts(command: dict) -> list[dict]:
    return [command, *(part for option in command.get("options") or [] for part in _parts(option))]


async def test_commands_are_registered_for_servers_alone(town: Town) -> None:
    """The bot has commands to ask, to manage and about oneself, and menus, all for servers that invited it."""
    commands = town.discord.commands.of(None)

    kinds = {command["name"]: command["type"] for command in commands}
    assert kinds == dict.fromkeys(COMMANDS, 1) | dict.fromkeys(MENUS, 3)
    assert all(command["contexts"] == [0] for command in commands)
    assert all(command["integration_types"] == [0] for command in commands)
    [index] = [command for command in commands if command["name"] == "index"]
    assert index["default_member_permissions"] == str(1 << 5)
    names = sorted(option["name"] for option in index["options"])
    assert names == ["audit", "budget", "cancel", "fresh", "include", "pause", "retention", "start", "status", "stop"]


async def test_commands_have_japanese_names_and_descriptions(town: Town) -> None:
    """Every name and every description is there in Japanese, and differs from the English one."""
    parts = registered(town.discord)
    assert len(parts) == 11 + 10 + 7 + 7 + 5 + 2 + 3 + 8 + 10

    for part in parts:
        assert part["name_localizations"]["ja"] not in ("", part["name"])
        assert set(part["name_localizations"]) == {"ja"}
        if part.get("description"):
            assert part["description_localizations"]["ja"] not in ("", part["description"])
    assert {name: localized(town.discord, name) for name in EXPECTED} == EXPECTED


def localized(discord: Discord, name: str) -> str:
    """A command's name in Japanese."""
    return next(one["name_localizations"]["ja"] for one in discord.commands.of(None) if one["name"] == name)


async def test_no_text_of_a_command_is_too_long(town: Town) -> None:
    """Names, descriptions and commands as a whole keep Discord's limits in every language."""
    for part in registered(town.discord):
        names = [part["name"], *part["name_localizations"].values()]
        descriptions = [part.get("description") or "", *(part.get("description_localizations") or {}).values()]
        assert all(1 <= len(name) <= LIMIT_OF_NAME for name in names), names
        assert all(name == name.lower() for name in names) or part.get("type") == 3
        assert all(len(text) <= LIMIT_OF_DESCRIPTION for text in descriptions), descriptions
    for command in town.discord.commands.of(None):
        texts = [part.get(key) or "" for part in _parts(command) for key in ("name", "description")]
        assert sum(map(len, texts)) <= LIMIT_OF_COMMAND


async def test_names_of_one_level_differ_in_japanese(town: Town) -> None:
    """No two options of a command have the same name in the language of a person."""
    for part in registered(town.discord):
        names = [option["name_localizations"]["ja"] for option in part.get("options") or []]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("locale", "beginning"),
    [
        ("en-US", "Nothing was"),
        ("en-GB", "Nothing was"),
        ("ja", "あなたが読める"),
        ("de", "Nothing was"),
        ("zh-TW", "Nothing was"),
    ],
)
async def test_people_are_answered_in_their_language_or_in_english(town: Town, locale, beginning) -> None:
    """Who uses a language that the bot does not speak is answered in English."""
    person = town.newcomer("carol", locale=locale)

    assert shown(await (await person.slash(town.square, "similar", text="ferry")).answer()).startswith(beginning)


async def test_what_goes_wrong_is_told_in_japanese(town: Town) -> None:
    """Every refusal of a question and of a button reaches a Japanese person in Japanese, and nobody else."""
    hanako = town.newcomer("hanako", locale="ja")
    await town.square.post(town.bob, "ferry")
    await town.index()

    answers = [
        await (await hanako.slash(town.square, "similar", **options)).answer()
        for options in (
            {"text": "ferry", "after": "いつか"},
            {"text": "\u200b"},
            {"text": f"https://discord.com/channels/{town.guild.id}/{town.square.id}/1"},
            {"text": "ferry", "before": "1y"},
            {"text": "ferry", "author": hanako},
        )
    ]
    answers.append(await (await hanako.slash(town.square, "index status", force=True)).answer())
    answers.append(await (await hanako.press(await town.similar(town.bob, "ferry"), "Share", force=True)).answer())
    told = [shown(answer) for answer in answers]
    assert told[0] == (
        "'いつか' は日付ではありません。2025-03-01 のような日付か、12h、30d、2w、6m、1y のような期間で書いてください。"
    )
    assert told[2] == "あなたが見られる範囲に、そのメッセージはありません。"
    assert all(any("ぁ" <= letter <= "ん" for letter in text) for text in told), told
    assert all(answer.is_ephemeral for answer in answers)


async def test_an_unforeseen_failure_is_told_with_a_number(town: Town) -> None:
    """Whatever fails, the person gets a sentence with the number under which the operator finds it in the log."""
    await town.square.post(town.bob, "ferry")
    await town.index()
    answer = await town.similar(town.bob, "ferry")
    [button] = [node for node in nodes(answer.components) if node["type"] == 2]
    button["custom_id"] = f"share:{'9' * 19}:0"

    told = await town.bob.press(answer, button["custom_id"])
    assert shown(await told.answer()) == (
        f"Something failed that should not have; the operator finds it in the log under {told.id}."
    )
    assert f"interaction {told.id} of user {town.bob.id} failed" in town.bot.said
    assert shown(answer).count("ferry") == 1


async def test_b12_what_was_typed_is_never_taken_for_a_format(town: Town) -> None:
    """Braces and percent signs in an option come back as they were typed."""
    answer = await town.similar(town.bob, "ferry", after="{text} {0.__class__} %s")

    assert shown(answer).startswith("'{text} {0.__class__} %s' is no date:")


async def test_f18_an_answer_that_discord_does_not_take_ends_nothing(town: Town) -> None:
    """When Discord refuses an answer and the sentence about it too, the next question is answered."""
    edit = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
    town.discord.fail("PATCH", edit, status=403, times=2)
    lost = await town.bob.slash(town.square, "similar", text="ferry")
    await lost.called_back()
    assert shown(await town.similar(town.ada, "ferry")).startswith("Nothing was") or lost.is_answered

    town.discord.faults.clear()
    assert shown(await town.similar(town.bob, "ferry")).startswith("Nothing was")
