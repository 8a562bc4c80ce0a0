"""The contract: what the published file and the documented rules refuse, and that nothing goes unnoticed."""

import pytest

from standin import Discord
from standin.conftest import Raw, Town
from standin.contract import NoContract, published
from standin.rules import COMMAND_RULES, EMPTY, MESSAGE_RULES


def button(custom_id: str) -> dict:
    return {"type": 2, "style": 1, "label": "x", "custom_id": custom_id}


def row(*buttons: dict) -> dict:
    return {"type": 1, "components": list(buttons)}


def option(name: str, **more: object) -> dict:
    return {"type": 3, "name": name, "description": "x", **more}


BAD_MESSAGES = {
    "content is at most 2000 characters long": {"content": "x" * 2001},
    "the embeds of a message hold at most 6000 characters together": {"embeds": [{"description": "x" * 3001}] * 2},
    "a custom_id is unique in its message": {"content": "x", "components": [row(button("a"), button("a"))]},
    "a message without Components V2 has rows only, at most 5": {
        "content": "x",
        "components": [row(button(str(n))) for n in range(6)],
    },
    "a message with Components V2 has neither content nor embeds": {
        "content": "x",
        "flags": 1 << 15,
        "components": [{"type": 10, "content": "y"}],
    },
    "a message has at most 40 components": {
        "flags": 1 << 15,
        "components": [{"type": 17, "components": [row(*(button(f"{r}.{n}") for n in range(5))) for r in range(7)]}],
    },
    "a message shows something": {"content": ""},
}
BAD_COMMANDS = {
    "the name of a slash command or option is lower case, of letters, digits, - and _": {"name": "Find It"},
    "required options come before optional ones": {"options": [option("a"), option("b", required=True)]},
    "the texts of a command are at most 8000 characters long together": {
        "options": [
            option(f"o{n}", choices=[{"name": f"{m}" + "x" * 90, "value": f"{m}" + "y" * 90} for m in range(10)])
            for n in range(5)
        ]
    },
    "a slash command has a description, a menu none": {"description": ""},
    "options of a command have different names": {"options": [option("a"), option("a")]},
    "an option has choices or autocomplete, not both": {
        "options": [option("a", autocomplete=True, choices=[{"name": "x", "value": "x"}])]
    },
}
OF_THE_FILE = {
    "button rows": {"content": "x", "components": [row(*(button(str(n)) for n in range(6)))]},
    "long custom_id": {"content": "x", "components": [row(button("x" * 101))]},
    "eleven embeds": {"embeds": [{"description": "x"}] * 11},
    "unknown key": {"content": "x", "colour": "red"},
    "unknown key inside": {"embeds": [{"description": "x", "colour": 1}]},
}


def test_every_rule_has_a_negative_test() -> None:
    """No rule stands unproved, and each says where it is documented."""
    assert set(BAD_MESSAGES) == {rule.name for rule in (*MESSAGE_RULES, EMPTY)}
    assert set(BAD_COMMANDS) == {rule.name for rule in COMMAND_RULES}
    assert all(rule.source.startswith("docs: ") for rule in (*MESSAGE_RULES, *COMMAND_RULES, EMPTY))


@pytest.mark.parametrize("name", [*BAD_MESSAGES, *OF_THE_FILE])
async def test_a_bad_message_is_refused_and_noted(town: Town, raw: Raw, name: str) -> None:
    """Each broken rule is an error for the client and a violation for the test."""
    if name in OF_THE_FILE and isinstance(published(), NoContract):
        pytest.skip("Discord's OpenAPI file is not here")
    body = {**BAD_MESSAGES, **OF_THE_FILE}[name]
    status, answer = await raw.ask("POST", f"/channels/{town.channel.id}/messages", body)
    assert (status, answer["code"]) == (400, 50006 if name == EMPTY.name else 50035)
    assert len(town.discord.violations) == 1
    if name in BAD_MESSAGES and name != EMPTY.name:
        assert name in town.discord.violations[0]
    assert town.channel.messages == []
    town.discord.violations.clear()


@pytest.mark.parametrize("name", BAD_COMMANDS)
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_bad_command_is_refused_and_noted(town: Town, raw: Raw, name: str, method: str) -> None:
    """It is not registered, by either route."""
    body = {"name": "find", "description": "x", "type": 1} | BAD_COMMANDS[name]
    path = f"/applications/{town.discord.application_id}/commands"
    status, answer = await raw.ask(method, path, [body] if method == "PUT" else body)
    assert (status, answer["code"]) == (400, 50035)
    assert name in town.discord.violations[0]
    town.discord.violations.clear()
    assert await raw.ask("GET", path) == (200, [])


async def test_good_commands_are_registered_replaced_and_deleted(town: Town, raw: Raw) -> None:
    """Commands keep their id when replaced under their name, in either scope."""
    for scope in ("", f"/guilds/{town.guild.id}"):
        path = f"/applications/{town.discord.application_id}{scope}/commands"
        status, first = await raw.ask("POST", path, {"name": "find", "description": "x"})
        assert status == 201
        status, again = await raw.ask("POST", path, {"name": "find", "description": "y"})
        assert (status, again["id"], again["description"]) == (200, first["id"], "y")
        bodies = [
            {"name": "find", "description": "z"},
            {"name": "Find it", "type": 3},
            {"name": "探す", "description": "x"},
        ]
        _, both = await raw.ask("PUT", path, bodies)
        assert (both[0]["id"], len(both)) == (first["id"], 3)
        one = f"{path}/{both[1]['id']}"
        assert (await raw.ask("PATCH", one, {"name": "Find"}))[1]["name"] == "Find"
        assert (await raw.ask("DELETE", one))[0] == 204
        assert (await raw.ask("GET", one))[1]["code"] == 10063


async def test_violations_fail_the_test_that_leaves_them() -> None:
    """Leaving the stand-in raises with what was wrong."""
    with pytest.raises(AssertionError, match="something odd"):
        async with Discord.open() as standin:
            standin.violations.append("something odd")


async def test_the_events_sent_are_checked_too(town: Town) -> None:
    """What does not fit the published schema is a violation of the stand-in itself."""
    if isinstance(published(), NoContract):
        pytest.skip("Discord's OpenAPI file is not here")
    town.discord.gateway.dispatch("MESSAGE_CREATE", {"id": 1})
    assert town.discord.violations[0].startswith("MESSAGE_CREATE: ")
    town.discord.violations.clear()


def test_without_the_file_there_are_no_contract_checks(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One loud line says so, and everything passes."""
    monkeypatch.setenv("DISCORD_OPENAPI", f"{tmp_path}/missing.json")
    contract = published.__wrapped__()
    assert contract.request("POST", "/nowhere", {"a": 1}) == contract.event("MESSAGE_CREATE", {}) == []
    assert contract.response("GET", "/nowhere", 200, {}) == contract.query("GET", "/nowhere", {"a": "1"}) == []
    assert capsys.readouterr().err.startswith("NO CONTRACT CHECKS")
