"""The registered commands, and what a person's client makes of the options typed into them."""

from typing import Any

from standin import message_payloads, payloads, permissions
from standin.interactions import channel_for, member_for

Json = dict[str, Any]
SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER = range(1, 11)
RESOLVED = {USER: "users", CHANNEL: "channels", ROLE: "roles"}
WHAT_IT_TAKES = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}


class UnknownCommand(LookupError):
    """No such command is registered where the person is."""


class BadOption(ValueError):
    """The person's client does not let them send this."""


class NotAllowed(Exception):
    """The person's client does not show them this."""


class Commands:
    """The commands by scope: a guild's id, or None for everywhere."""

    def __init__(self, discord: Any) -> None:
        self._discord = discord
        self._scopes: dict[int | None, list[Json]] = {}

    def of(self, scope: int | None) -> list[Json]:
        return self._scopes.setdefault(scope, [])

    def replace(self, scope: int | None, bodies: list[Json]) -> list[Json]:
        """Register these instead of all others; a command that was there keeps its id."""
        old = self.of(scope)
        self._scopes[scope] = []
        for body in bodies:
            self.register(scope, body, old)
        return self.of(scope)

    def register(self, scope: int | None, body: Json, old: list[Json] | None = None) -> tuple[Json, bool]:
        """Register one, in the place of its namesake of the same type; whether it is new."""
        kind = body.get("type") or SLASH
        twin = _find(self.of(scope) if old is None else old, body["name"], kind)
        command = {
            "default_member_permissions": None,
            "contexts": None,
            "integration_types": [0],
            "nsfw": False,
            **{key: value for key, value in body.items() if value is not None},
            "type": kind,
            "id": twin["id"] if twin else str(self._discord.snowflakes.new()),
            "application_id": str(self._discord.application_id),
            "version": str(self._discord.snowflakes.new()),
            "description": body.get("description") or "",
        }
        if command["default_member_permissions"] is not None:
            command["default_member_permissions"] = str(command["default_member_permissions"])
        if scope is not None:
            command["guild_id"] = str(scope)
        if twin in self.of(scope):
            self.of(scope)[self.of(scope).index(twin)] = command
        else:
            self.of(scope).append(command)
        return command, twin is None

    def named(self, name: str, kind: int, guild: Any) -> Json:
        """The command that a person in a guild (or in none) means."""
        for scope in (guild.id if guild else None, None):
            if found := _find(self.of(scope), name, kind):
                return found
        known = sorted(each["name"] for scope in self._scopes.values() for each in scope)
        raise UnknownCommand(f"{name!r} of type {kind} is none of {known}")


def check_allowed(command: Json, channel: Any, user: Any) -> None:
    """Raise if the client would not show a command to a person there."""
    if channel.guild is None:
        contexts = command.get("contexts")
        if contexts is not None and 1 not in contexts:
            raise NotAllowed(f"{command['name']} is for servers only")
        return
    granted = permissions.in_channel(channel, user)
    if not granted & permissions.VIEW_CHANNEL:
        raise NotAllowed(f"{user} does not see {channel}")
    if not granted & permissions.USE_APPLICATION_COMMANDS:
        raise NotAllowed(f"{user} may not use commands in {channel}")
    if not channel.guild.has_bot:
        raise NotAllowed(f"the bot is not in {channel.guild.name}")
    needed = command.get("default_member_permissions")
    if needed is None or granted & permissions.ADMINISTRATOR:
        return
    if int(needed) == 0 or granted & int(needed) != int(needed):
        raise NotAllowed(f"{command['name']} is hidden from {user}")


def data_of(command: Json, path: list[str], given: Json, channel: Any, user: Any, *, focus: str | None = None) -> Json:
    """The `data` of a slash command; with a focus it is an autocompletion, of which nothing is required."""
    level, wrapped = _descended(command, path)
    known = {option["name"]: option for option in level.get("options") or []}
    if strangers := set(given) - set(known):
        raise BadOption(f"{command['name']} has no options {sorted(strangers)}, but {sorted(known)}")
    missing = [name for name, option in known.items() if option.get("required") and given.get(name) is None]
    if missing and focus is None:
        raise BadOption(f"{command['name']} needs {missing}")
    if focus is not None and not known.get(focus, {}).get("autocomplete"):
        raise BadOption(f"{focus} has no autocompletion")
    resolved: Json = {}
    options = []
    for name, option in known.items():
        sent = {"name": name, "type": option["type"]}
        if name == focus:
            options.append(sent | {"value": given.get(name, ""), "focused": True})
        elif given.get(name) is not None:
            options.append(sent | {"value": _value(option, given[name], channel, user, resolved)})
    for level_of in reversed(wrapped):
        options = [level_of | {"options": options}]
    return _identity(command) | {"options": options} | ({"resolved": resolved} if resolved else {})


def _descended(command: Json, path: list[str]) -> tuple[Json, list[Json]]:
    """The subcommand that a path leads to, and the levels on the way."""
    level, wrapped = command, []
    for name in path:
        level = next((o for o in level.get("options") or [] if o["name"] == name and o["type"] in (1, 2)), None)
        if level is None:
            raise UnknownCommand(f"{command['name']} has no subcommand {' '.join(path)}")
        wrapped.append({"name": name, "type": level["type"]})
    if any(option["type"] in (SUBCOMMAND, GROUP) for option in level.get("options") or []):
        raise UnknownCommand(f"{command['name']} needs a subcommand")
    return level, wrapped


def _identity(command: Json) -> Json:
    return {key: command[key] for key in ("id", "name", "type", "guild_id") if key in command}


def menu_data(command: Json, message: Any) -> Json:
    """The `data` of a message menu: its target is never blanked."""
    shown = {str(message.id): message_payloads.message(message)}
    return _identity(command) | {"target_id": str(message.id), "resolved": {"messages": shown}}


def resolve(target: Any, kind: int, channel: Any, user: Any, resolved: Json) -> str:
    """Describe who or what was chosen in `resolved`; its id."""
    key = str(target.id)
    if kind == USER:
        resolved.setdefault("users", {})[key] = payloads.user(target)
        if channel.guild and target.id in channel.guild.members:
            resolved.setdefault("members", {})[key] = member_for(channel, target)
    elif kind == CHANNEL:
        resolved.setdefault("channels", {})[key] = channel_for(target, user)
    else:
        resolved.setdefault("roles", {})[key] = payloads.role(target)
    return key


def _find(commands: list[Json], name: str, kind: int) -> Json | None:
    return next((each for each in commands if (each["name"], each["type"]) == (name, kind)), None)


def _value(option: Json, given: Any, channel: Any, user: Any, resolved: Json) -> Any:
    kind, name = option["type"], option["name"]
    if kind in (USER, CHANNEL, ROLE):
        if not hasattr(given, "id"):
            raise BadOption(f"{name} takes no {given!r}")
        taken = option.get("channel_types")
        if kind == CHANNEL and taken and given.type not in taken:
            raise BadOption(f"{name} takes channels of the types {taken}, not {given.type}")
        return resolve(given, kind, channel, user, resolved)
    if kind in WHAT_IT_TAKES and not isinstance(given, WHAT_IT_TAKES[kind]):
        raise BadOption(f"{name} takes no {given!r}")
    _check_bounds(option, given)
    return given


def _check_bounds(option: Json, given: Any) -> None:
    choices = option.get("choices")
    if choices and given not in [choice["value"] for choice in choices]:
        raise BadOption(f"{option['name']} has the choices {choices}")
    size = len(given) if isinstance(given, str) else given
    least, most = ("min_length", "max_length") if isinstance(given, str) else ("min_value", "max_value")
    if option.get(least) is not None and size < option[least]:
        raise BadOption(f"{option['name']}: {least} is {option[least]}")
    if option.get(most) is not None and size > option[most]:
        raise BadOption(f"{option['name']}: {most} is {option[most]}")
