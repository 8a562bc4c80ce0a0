"""What people do with a bot: commands, menus, buttons, selects and forms."""

from typing import Any

from standin import commands, permissions
from standin.commands import BadOption, NotAllowed
from standin.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL_SUBMIT, Answer, Interaction, InteractionFailed
from standin.messages import Message
from standin.rules import nodes
from standin.world import User

Json = dict[str, Any]
BUTTON, TEXT_INPUT, LINK_STYLE = 2, 4, 5
KIND_OF_SELECT = {5: commands.USER, 6: commands.ROLE, 8: commands.CHANNEL}
STRING_SELECT = 3


class NoSuchComponent(LookupError):
    """The message has no such thing to press or choose from."""


class Person(User):
    """A person with a Discord client, which shows and sends what the real one does.

    Channel and command name are positional only, since options may have any name. `force` sends what the client would
    not let them, to prove that the bot looks for itself; without a channel it comes from a direct message.
    """

    async def slash(self, channel: Any, command: str, /, *, force: bool = False, **options: Any) -> Interaction:
        """Use a slash command, "index start" being a subcommand; it is sent, not yet answered."""
        channel = channel or self.discord.direct(self)
        data = self._slash_data(channel, command, options, force=force)
        return Interaction(self.discord, COMMAND, self, channel, data).send()

    async def autocomplete(self, channel: Any, command: str, /, *, focus: str, **options: Any) -> list[Json]:
        """Type into one option of a command, some others being filled in; what is then offered."""
        channel = channel or self.discord.direct(self)
        data = self._slash_data(channel, command, options, force=False, focus=focus)
        interaction = Interaction(self.discord, AUTOCOMPLETE, self, channel, data).send()
        await interaction.called_back()
        return interaction.choices

    async def menu(self, channel: Any, command: str, message: Message, /, *, force: bool = False) -> Interaction:
        """Use a command from a message's menu."""
        found = self.discord.commands.named(command, commands.MESSAGE_MENU, channel.guild)
        if not force:
            commands.check_allowed(found, channel, self)
        return Interaction(self.discord, COMMAND, self, channel, commands.menu_data(found, message)).send()

    async def press(self, where: Answer | Message, button: str, *, force: bool = False) -> Interaction:
        """Press the enabled button with this label, custom_id or emoji."""
        message = self._seen(where, force=force)
        pressed = next((each for each in nodes(message.components) if _is_button(each, button)), None)
        if pressed is None:
            raise NoSuchComponent(f"no enabled button {button!r} in {_labels(message)}")
        data = {"custom_id": pressed["custom_id"], "component_type": BUTTON, "id": pressed["id"]}
        return Interaction(self.discord, COMPONENT, self, message.channel, data, message=message).send()

    async def choose(
        self, where: Answer | Message, custom_id: str, values: list[Any], *, force: bool = False
    ) -> Interaction:
        """Choose from a select: values or labels of a list's options; channels, users or roles of the others."""
        message = self._seen(where, force=force)
        select = next((each for each in nodes(message.components) if each.get("custom_id") == custom_id), None)
        if select is None or select.get("disabled") or select["type"] == BUTTON:
            raise NoSuchComponent(f"no enabled select {custom_id!r}")
        chosen, resolved = _chosen(select, values, message.channel, self)
        if not select.get("min_values", 1) <= len(chosen) <= select.get("max_values", 1):
            raise BadOption(f"{custom_id} does not take {len(chosen)} values")
        data = {"custom_id": custom_id, "component_type": select["type"], "id": select["id"], "values": chosen}
        data |= {"resolved": resolved} if resolved else {}
        return Interaction(self.discord, COMPONENT, self, message.channel, data, message=message).send()

    async def submit(self, opened: Interaction, texts: dict[str, str]) -> Interaction:
        """Fill in and send the form that an interaction has opened."""
        await opened.called_back()
        if opened.modal is None:
            raise InteractionFailed("no form was opened")
        filled = _filled(opened.modal["components"], texts)
        if unknown := set(texts) - {field["custom_id"] for field in nodes(filled) if "custom_id" in field}:
            raise NoSuchComponent(f"the form has no fields {sorted(unknown)}")
        data = {"custom_id": opened.modal["custom_id"], "components": filled}
        sent = Interaction(self.discord, MODAL_SUBMIT, self, opened.channel, data, message=opened.message)
        sent.triggered_by = opened
        return sent.send()

    def _slash_data(self, channel: Any, command: str, options: Json, *, force: bool, focus: str | None = None) -> Json:
        name, *path = command.split(" ")
        found = self.discord.commands.named(name, commands.SLASH, channel.guild)
        if not force:
            commands.check_allowed(found, channel, self)
        return commands.data_of(found, path, options, channel, self, focus=focus)

    def _seen(self, where: Answer | Message, *, force: bool) -> Message:
        """The message, if this person can press things in it."""
        message = where.message
        sees = message.channel.guild is None or permissions.reads(message.channel, self)
        if message.is_ephemeral:
            sees = message.interaction.user is self
        if message.is_deleted or not (sees or force):
            raise NotAllowed(f"{self} does not see this message")
        return message


def _is_button(node: Json, wanted: str) -> bool:
    if node["type"] != BUTTON or node.get("disabled") or node.get("style") == LINK_STYLE:
        return False
    return wanted in (node.get("label"), node.get("custom_id"), (node.get("emoji") or {}).get("name"))


def _labels(message: Message) -> list[Any]:
    return [node.get("label") or node.get("emoji") for node in nodes(message.components) if node["type"] == BUTTON]


def _chosen(select: Json, values: list[Any], channel: Any, person: Person) -> tuple[list[str], Json]:
    """The values as sent, and what they resolve to."""
    resolved: Json = {}
    if select["type"] in KIND_OF_SELECT:
        kind = KIND_OF_SELECT[select["type"]]
        return [commands.resolve(each, kind, channel, person, resolved) for each in values], resolved
    if select["type"] != STRING_SELECT:
        return [commands.resolve(each, commands.USER, channel, person, resolved) for each in values], resolved
    by_name = {name: option["value"] for option in select["options"] for name in (option["label"], option["value"])}
    if strangers := [each for each in values if each not in by_name]:
        raise BadOption(f"{strangers} are none of {sorted(by_name)}")
    return [by_name[each] for each in values], resolved


def _filled(components: list[Json], texts: dict[str, str]) -> list[Json]:
    """A form's components as they are sent back."""
    filled = []
    for node in components:
        shape: Json = {"type": node["type"], "id": node.get("id", 0)}
        if "components" in node:
            shape["components"] = _filled(node["components"], texts)
        elif "component" in node:
            shape["component"] = _filled([node["component"]], texts)[0]
        elif node["type"] == TEXT_INPUT:
            value = texts.get(node["custom_id"], node.get("value") or "")
            if node.get("required", True) and not value:
                raise BadOption(f"{node['custom_id']} must be filled in")
            shape |= {"custom_id": node["custom_id"], "value": value}
        elif "custom_id" in node:
            value = texts.get(node["custom_id"], [])
            shape |= {"custom_id": node["custom_id"], "values": [value] if isinstance(value, str) else value}
        filled.append(shape)
    return filled
