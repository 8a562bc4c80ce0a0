"""The routes of the application itself, its commands, users and guilds."""

from typing import Any

from standin import payloads, permissions
from standin.refusals import Refused
from standin.rest import Call, Route
from standin.rules import COMMAND_RULES, broken_by

Json = dict[str, Any]


async def own_user(call: Call) -> Json:
    return payloads.own_user(call.discord.bot)


async def get_user(call: Call) -> Json:
    found = call.discord.users.get(int(call.ids["user_id"]))
    if found is None:
        raise Refused(10013)
    return payloads.user(found)


async def own_guilds(call: Call) -> list[Json]:
    """By id; `before` and `after` page through them."""
    bot = call.discord.bot
    after, before = int(call.query.get("after", 0)), int(call.query.get("before", 1 << 63))
    mine = [guild for guild in call.discord.guilds.values() if guild.has_bot and after < guild.id < before]
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(permissions.in_guild(guild, bot)),
            "features": [],
        }
        for guild in sorted(mine, key=lambda guild: guild.id)[: int(call.query.get("limit", 200))]
    ]


async def leave_guild(call: Call) -> None:
    await call.guild().remove_bot()


async def application(call: Call) -> Json:
    return payloads.application(call.discord)


async def gateway(call: Call) -> Json:
    return {"url": call.discord.gateway_url}


async def gateway_bot(call: Call) -> Json:
    start = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": call.discord.gateway_url, "shards": 1, "session_start_limit": start}


async def get_guild(call: Call) -> Json:
    return payloads.guild(call.guild())


async def get_channels(call: Call) -> list[Json]:
    return [payloads.channel(channel) for channel in call.guild().channels.values()]


async def get_roles(call: Call) -> list[Json]:
    return [payloads.role(role) for role in call.guild().roles.values()]


async def get_member(call: Call) -> Json:
    member = call.guild().members.get(int(call.ids["user_id"]))
    if member is None:
        raise Refused(10007)
    return payloads.member(member)


def _scope(call: Call) -> int | None:
    """The guild's id, or None for everywhere."""
    if call.ids["application_id"] != str(call.discord.application_id):
        raise Refused(50001)
    return call.guild().id if "guild_id" in call.ids else None


def _checked(command: Json) -> Json:
    if rule := broken_by(command, COMMAND_RULES):
        raise Refused(rule.code, f"{command['name']}: {rule.name}", is_a_mistake=True)
    return command


async def get_commands(call: Call) -> list[Json]:
    return call.discord.commands.of(_scope(call))


async def put_commands(call: Call) -> list[Json]:
    bodies = [_checked(command) for command in call.body or []]
    names = [(command["name"], command.get("type") or 1) for command in bodies]
    if len(names) != len(set(names)):
        raise Refused(50035, "commands of one type have different names", is_a_mistake=True)
    return call.discord.commands.replace(_scope(call), bodies)


async def post_command(call: Call) -> tuple[int, Json]:
    command, is_new = call.discord.commands.register(_scope(call), _checked(call.body))
    return (201 if is_new else 200), command


def _command(call: Call) -> Json:
    known = call.discord.commands.of(_scope(call))
    found = next((command for command in known if command["id"] == call.ids["command_id"]), None)
    if found is None:
        raise Refused(10063)
    return found


async def get_command(call: Call) -> Json:
    return _command(call)


async def patch_command(call: Call) -> Json:
    found = _command(call)
    found |= _checked(found | call.body)
    return found


async def delete_command(call: Call) -> None:
    call.discord.commands.of(_scope(call)).remove(_command(call))


def _command_routes(base: str) -> list[Route]:
    return [
        Route("GET", base, get_commands),
        Route("PUT", base, put_commands),
        Route("POST", base, post_command),
        Route("GET", f"{base}/{{command_id}}", get_command),
        Route("PATCH", f"{base}/{{command_id}}", patch_command),
        Route("DELETE", f"{base}/{{command_id}}", delete_command),
    ]


ROUTES = [
    Route("GET", "/users/@me", own_user),
    Route("GET", "/users/{user_id}", get_user),
    Route("GET", "/users/@me/guilds", own_guilds),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave_guild),
    Route("GET", "/applications/@me", application),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", "/gateway", gateway, needs_token=False),
    Route("GET", "/gateway/bot", gateway_bot),
    Route("GET", "/guilds/{guild_id}", get_guild),
    Route("GET", "/guilds/{guild_id}/channels", get_channels),
    Route("GET", "/guilds/{guild_id}/roles", get_roles),
    Route("GET", "/guilds/{guild_id}/members/{user_id}", get_member),
    *_command_routes("/applications/{application_id}/commands"),
    *_command_routes("/applications/{application_id}/guilds/{guild_id}/commands"),
]
