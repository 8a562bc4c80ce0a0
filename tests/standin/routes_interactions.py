"""The routes by which interactions are answered; their token is in the path."""

from typing import Any

from standin import message_payloads
from standin.interactions import CHOICES, DEFER_REPLY, MODAL, REPLY, UPDATE, Interaction
from standin.refusals import Refused
from standin.rest import Call, Route
from standin.routes_messages import attached, checked, checked_edit

Json = dict[str, Any]


async def callback(call: Call) -> Json | None:
    """Once an interaction, within three seconds."""
    interaction = call.discord.interactions.get(call.ids["interaction_token"])
    if interaction is None or str(interaction.id) != call.ids["interaction_id"]:
        raise Refused(10062)
    kind, data = call.body["type"], call.body.get("data") or {}
    if kind == REPLY:
        checked(data, files=call.files)
    elif kind == UPDATE and interaction.message is not None:
        checked_edit(data, interaction.message, files=call.files)
    message = interaction.call_back(call.body, attached(call))
    if call.query.get("with_response", "false").lower() not in ("true", "1"):
        return None
    return _called_back(interaction, kind, message)


def _called_back(interaction: Interaction, kind: int, message: Any) -> Json:
    told: Json = {"id": str(interaction.id), "type": interaction.type, "channel_id": str(interaction.channel.id)}
    if interaction.channel.guild:
        told["guild_id"] = str(interaction.channel.guild.id)
    if kind not in (CHOICES, MODAL):
        told["response_message_id"] = str(message.id)
        told["response_message_loading"] = kind == DEFER_REPLY
        told["response_message_ephemeral"] = message.is_ephemeral
    answer: Json = {"interaction": told}
    if kind in (REPLY, UPDATE):
        answer["resource"] = {"type": kind, "message": message_payloads.message(message)}
    return answer


def _interaction(call: Call) -> Interaction:
    interaction = call.discord.interactions.get(call.ids["webhook_token"])
    if interaction is None or call.ids["webhook_id"] != str(call.discord.application_id):
        raise Refused(10015)
    return interaction


async def follow_up(call: Call) -> Json:
    body = checked(call.body, files=call.files)
    return message_payloads.message(_interaction(call).follow_up(body, attached(call)))


async def get_answer(call: Call) -> Json:
    return message_payloads.message(_found(call))


async def edit_answer(call: Call) -> Json:
    message = _found(call)
    body = checked_edit(call.body, message, files=call.files)
    return message_payloads.message(_interaction(call).edit(message, body, attached(call)))


async def delete_answer(call: Call) -> None:
    await _found(call).delete()


def _found(call: Call) -> Any:
    return _interaction(call).find(call.ids.get("message_id", "@original"))


WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
ANSWERS = (f"{WEBHOOK}/messages/@original", f"{WEBHOOK}/messages/{{message_id}}")
ROUTES = [
    Route(
        "POST",
        "/interactions/{interaction_id}/{interaction_token}/callback",
        callback,
        needs_token=False,
        has_limits=False,
    ),
    Route("POST", WEBHOOK, follow_up, needs_token=False),
    *(
        Route(method, path, handler, needs_token=False)
        for path in ANSWERS
        for method, handler in (("GET", get_answer), ("PATCH", edit_answer), ("DELETE", delete_answer))
    ),
]
