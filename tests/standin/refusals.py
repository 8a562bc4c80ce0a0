"""Discord's errors as it words them."""

from types import MappingProxyType
from typing import Any

WORDS = MappingProxyType(
    {
        0: "401: Unauthorized",
        10003: "Unknown Channel",
        10004: "Unknown Guild",
        10007: "Unknown Member",
        10008: "Unknown Message",
        10013: "Unknown User",
        10015: "Unknown Webhook",
        10062: "Unknown interaction",
        10063: "Unknown application command",
        40060: "Interaction has already been acknowledged.",
        50001: "Missing Access",
        50005: "Cannot edit a message authored by another user",
        50006: "Cannot send an empty message",
        50008: "Cannot send messages in a non-text channel",
        50013: "Missing Permissions",
        50024: "Cannot execute action on this channel type",
        50027: "Invalid Webhook Token",
        50034: "You can only bulk delete messages that are under 14 days old.",
        50035: "Invalid Form Body",
        50109: "The request body contains invalid JSON.",
        160002: "Cannot reply without permission to read message history",
    }
)
STATUS = MappingProxyType({0: 401, 50001: 403, 50005: 403, 50013: 403, 50027: 401})


class Refused(Exception):
    """What Discord answers instead; `is_a_mistake` if no well-made client ever asks it."""

    def __init__(self, code: int, detail: str = "", *, is_a_mistake: bool = False) -> None:
        super().__init__(f"{code} {WORDS[code]} {detail}".strip())
        self.code = code
        self.status = STATUS.get(code, 404 if 10000 <= code < 20000 else 400)
        self.detail = detail
        self.is_a_mistake = is_a_mistake

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"message": WORDS[self.code], "code": self.code}
        if self.detail:
            body["errors"] = {"_errors": [{"code": self.code, "message": self.detail}]}
        return body
