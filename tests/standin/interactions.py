"""An interaction: what a person did, what the bot may answer to it, and what the person sees."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from typing import Any

from standin import message_payloads, payloads, permissions
from standin.messages import COMPONENTS_V2, EPHEMERAL, LOADING, MENU_ANSWER, SLASH_ANSWER, Message
from standin.refusals import Refused
from standin.rules import nodes

Json = dict[str, Any]
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
REPLY, DEFER_REPLY, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
SECONDS_TO_CALL_BACK = 3.0
SECONDS_A_TOKEN_LIVES = 15 * 60.0


class InteractionFailed(Exception):
    """The person saw no answer."""


class Answer:
    """What a person sees of an answer; everything is as it stands now, not as it was when it came."""

    def __init__(self, message: Message, interaction: "Interaction") -> None:
        self.message = message
        self.interaction = interaction

    content = property(lambda self: self.message.content)
    embeds = property(lambda self: self.message.embeds)
    components = property(lambda self: self.message.components)
    attachments = property(lambda self: self.message.attachments)
    is_ephemeral = property(lambda self: self.message.is_ephemeral)
    is_deleted = property(lambda self: self.message.is_deleted)
    message_id = property(lambda self: self.message.id)
    edited_count = property(lambda self: self.message.edited_count)

    @property
    def buttons(self) -> list[str]:
        """The labels (or emoji) of the buttons that can be pressed."""
        found = [node for node in nodes(self.components) if node["type"] == 2 and not node.get("disabled")]
        return [node.get("label") or node["emoji"]["name"] for node in found]

    @property
    def files(self) -> list[bytes]:
        """What is in the files that the bot gave."""
        return [self.interaction.discord.uploads[int(each["id"])] for each in self.attachments]

    def refresh(self) -> "Answer":
        """Itself: it is live."""
        return self

    def __repr__(self) -> str:
        return f"<Answer {self.content!r} with {len(self.embeds)} embeds>"


class Interaction:
    """What a person did, from the moment that it was sent."""

    def __init__(
        self, discord: Any, kind: int, user: Any, channel: Any, data: Json, *, message: Message | None = None
    ) -> None:
        self.discord = discord
        self.id = discord.snowflakes.new()
        self.token = secrets.token_urlsafe(48)
        self.type = kind
        self.user = user
        self.channel = channel
        self.data = data
        self.message = message
        self.triggered_by: Interaction | None = None
        self.callback_type: int | None = None
        self.original: Message | None = None
        self.followups: list[Answer] = []
        self.modal: Json | None = None
        self.choices: list[Json] | None = None
        self.updated = False
        self.is_expired = False
        self.deferred_after: float | None = None
        self.answered_after: float | None = None
        self._final: Answer | None = None
        self._called_back, self._answered = asyncio.Event(), asyncio.Event()
        self.sent_at = 0.0

    def send(self) -> "Interaction":
        """Send it to the clients."""
        payload = self.payload()
        self.sent_at = time.perf_counter()
        self.discord.interactions[self.token] = self
        self.discord.texts.update(_typed(self.data))
        self.discord.gateway.dispatch("INTERACTION_CREATE", payload)
        return self

    # What the person waits for.

    async def called_back(self) -> int:
        """Wait for the first reaction, for as long as Discord does; its callback type."""
        left = SECONDS_TO_CALL_BACK - (time.perf_counter() - self.sent_at)
        try:
            async with asyncio.timeout(left):
                await self._called_back.wait()
        except TimeoutError:
            raise InteractionFailed("The application did not respond") from None
        return self.callback_type

    async def answer(self, timeout: float = 5) -> Answer:  # noqa: ASYNC109  # a test's patience, not a scope
        """Wait until the person sees an answer, "thinking" not being one."""
        called = await self.called_back()
        if called in (CHOICES, MODAL):
            raise InteractionFailed(f"callback type {called} shows no message")
        try:
            async with asyncio.timeout(timeout):
                await self._answered.wait()
        except TimeoutError:
            raise InteractionFailed(f"no answer {timeout} s after callback type {called}") from None
        return self._final

    @property
    def is_answered(self) -> bool:
        return self._final is not None

    # What the bot does.

    def call_back(self, body: Json, attachments: list[Json]) -> Message | None:
        """Take the one callback; the message that it makes or changes."""
        if self.callback_type is not None:
            raise Refused(40060)
        if time.perf_counter() - self.sent_at > SECONDS_TO_CALL_BACK:
            raise Refused(10062)
        kind, data = body["type"], body.get("data") or {}
        self._check_kind(kind)
        self.callback_type = kind
        self.deferred_after = time.perf_counter() - self.sent_at
        self._called_back.set()
        if kind in (REPLY, DEFER_REPLY):
            self.original = self._make(data, attachments, is_loading=kind == DEFER_REPLY)
        elif kind in (UPDATE, DEFER_UPDATE):
            self.original = self.message
        if kind == UPDATE:
            self._change(self.message, data, attachments)
        elif kind == REPLY:
            self._show(self.original)
        elif kind == MODAL:
            self.modal = data
        elif kind == CHOICES:
            self.choices = data["choices"] or []
        return self.original

    def follow_up(self, body: Json, attachments: list[Json]) -> Message:
        """Add a message; the first one after a deferred answer fills that instead."""
        self._check_token()
        if self.callback_type == DEFER_REPLY and self.original.flags & LOADING and not self.original.is_deleted:
            return self.edit(self.original, body, attachments)
        message = self._make(body, attachments)
        self.followups.append(Answer(message, self))
        self._show(message)
        return message

    def find(self, message_id: str) -> Message:
        """A message of this interaction by its id or "@original"."""
        self._check_token()
        own = [self.original, *(each.message for each in self.followups)]
        found = own[0] if message_id == "@original" else next((m for m in own if m and str(m.id) == message_id), None)
        if found is None or found.is_deleted:
            raise Refused(10008)
        return found

    def edit(self, message: Message, body: Json, attachments: list[Json]) -> Message:
        """Change one of its messages; what was deferred is thereby answered."""
        self._change(message, body, attachments)
        return message

    def _check_kind(self, kind: int) -> None:
        of_component = self.message is not None
        allowed = {
            COMMAND: {REPLY, DEFER_REPLY, MODAL},
            COMPONENT: {REPLY, DEFER_REPLY, DEFER_UPDATE, UPDATE, MODAL},
            AUTOCOMPLETE: {CHOICES},
            MODAL_SUBMIT: {REPLY, DEFER_REPLY} | ({DEFER_UPDATE, UPDATE} if of_component else set()),
        }
        if kind not in allowed[self.type]:
            raise Refused(50035, f"callback type {kind} to interaction type {self.type}", is_a_mistake=True)

    def _check_token(self) -> None:
        if self.is_expired or time.perf_counter() - self.sent_at > SECONDS_A_TOKEN_LIVES:
            raise Refused(50027)
        if self.callback_type is None or self.callback_type in (CHOICES, MODAL):
            raise Refused(10015)

    def _make(self, body: Json, attachments: list[Json], *, is_loading: bool = False) -> Message:
        message = self.channel.compose(self.discord.bot, body.get("content") or "")
        message.flags = (body.get("flags") or 0) & (EPHEMERAL | COMPONENTS_V2) | (LOADING if is_loading else 0)
        message.embeds = message_payloads.embeds(body.get("embeds") or [])
        message.components = message_payloads.components(body.get("components") or [])
        message.attachments = attachments
        message.interaction = self
        if self.type == COMMAND:
            message.type = SLASH_ANSWER if self.data["type"] == 1 else MENU_ANSWER
        elif self.message is not None:
            message.type, message.reply_to = 19, self.message
        if not message.is_ephemeral:
            self.channel.publish(message)
        return message

    def _change(self, message: Message, body: Json, attachments: list[Json]) -> None:
        message.change(body, attachments)
        self.updated = self.updated or message is self.message
        self._show(message)

    def _show(self, message: Message) -> None:
        if self._final is None:
            self._final = Answer(message, self)
            self.answered_after = time.perf_counter() - self.sent_at
            self._answered.set()

    # Its JSON.

    def payload(self) -> Json:
        """INTERACTION_CREATE."""
        guild = self.channel.guild
        shape: Json = {
            "id": str(self.id),
            "application_id": str(self.discord.application_id),
            "type": self.type,
            "token": self.token,
            "version": 1,
            "channel_id": str(self.channel.id),
            "channel": channel_for(self.channel, self.user),
            "locale": self.user.locale,
            "app_permissions": str(permissions.in_channel(self.channel, self.discord.bot) if guild else 0),
            "entitlements": [],
            "authorizing_integration_owners": self._owners(),
            "context": 0 if guild else 1,
            "attachment_size_limit": 10_485_760,
            "data": self.data,
        }
        if guild:
            shape["guild_id"] = str(guild.id)
            shape["guild_locale"] = guild.locale
            shape["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
            shape["member"] = member_for(self.channel, self.user) | {"user": payloads.user(self.user)}
        else:
            shape["user"] = payloads.user(self.user)
        if self.message is not None:
            shape["message"] = message_payloads.message(self.message)
        return shape

    def metadata(self) -> Json:
        """What a message tells of the interaction that it answers."""
        if self.type == COMMAND:
            old = {"id": str(self.id), "type": 2, "name": self.data["name"], "user": payloads.user(self.user)}
            return {"interaction": old, "interaction_metadata": self._metadata()}
        return {"interaction_metadata": self._metadata()}

    def _metadata(self) -> Json:
        shape: Json = {"id": str(self.id), "type": self.type, "user": payloads.user(self.user)}
        shape["authorizing_integration_owners"] = self._owners()
        if self.type == COMPONENT:
            shape["interacted_message_id"] = str(self.message.id)
        if self.triggered_by is not None:
            shape["triggering_interaction_metadata"] = self.triggered_by._metadata()
        return shape

    def _owners(self) -> dict[str, str]:
        return {"0": str(self.channel.guild.id) if self.channel.guild else "0"}


def channel_for(channel: Any, user: Any) -> Json:
    """A channel in an interaction: with what the person may do in it."""
    if channel.guild is None:
        return payloads.channel(channel)
    return payloads.channel(channel) | {"permissions": str(permissions.in_channel(channel, user))}


def member_for(channel: Any, user: Any) -> Json:
    """A member in an interaction: without the user, with what they may do in the channel."""
    member = payloads.member_without_user(channel.guild.members[user.id])
    return member | {"permissions": str(permissions.in_channel(channel, user))}


def _typed(data: Json) -> Iterator[str]:
    """What a person has typed into a command, wherever in it."""
    for option in data.get("options", []):
        if isinstance(option.get("value"), str):
            yield option["value"]
        yield from _typed(option)
