"""What Discord's published OpenAPI file says of bodies and events."""

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs

Schema = dict[str, Any]
BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "spec" / "discord-openapi.json"
# Keys that Discord takes although the file does not list them.
ALSO_TAKEN = {
    "tts": "discord.py sends it with every message body, edits and callbacks included",
    "nsfw": "documented for application commands, missing from the file",
    "flags": "discord.py sends the flags of an embed; the file lists them for messages only",
    "dm_permission": "documented as deprecated, still taken",
}
# The events that carry what a schema describes: the schema, and where in the event it stands.
EVENTS = {
    "MESSAGE_CREATE": ("MessageResponse", None),
    "MESSAGE_UPDATE": ("MessageResponse", None),
    "CHANNEL_CREATE": ("GuildChannelResponse", None),
    "CHANNEL_UPDATE": ("GuildChannelResponse", None),
    "CHANNEL_DELETE": ("GuildChannelResponse", None),
    "THREAD_CREATE": ("ThreadResponse", None),
    "THREAD_UPDATE": ("ThreadResponse", None),
    "GUILD_CREATE": ("GuildResponse", None),
    "GUILD_UPDATE": ("GuildResponse", None),
    "GUILD_ROLE_CREATE": ("GuildRoleResponse", "role"),
    "GUILD_ROLE_UPDATE": ("GuildRoleResponse", "role"),
    "GUILD_MEMBER_ADD": ("GuildMemberResponse", None),
    "GUILD_MEMBER_UPDATE": ("GuildMemberResponse", None),
}


class Contract:
    """Finds what is wrong with a body; every answer is a list of complaints."""

    def __init__(self, spec: Schema) -> None:
        self._spec = spec
        self._validators: dict[str, jsonschema_rs.Draft202012Validator] = {}

    def request(self, method: str, route: str, body: Any) -> list[str]:
        """Complaints about what a client sent."""
        content = self._operation(method, route).get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return [] if body is None else ["a body where none is taken"]
        return self._complaints(f"{method} {route}", schema, _with_texts_as_ids(body)) + [
            f"unknown key {key}" for key in sorted(self._unknown(schema, body))
        ]

    def query(self, method: str, route: str, query: dict[str, str]) -> list[str]:
        """Complaints about the parameters of an address."""
        known = {p["name"]: p.get("schema", {}) for p in self._operation(method, route).get("parameters", [])}
        complaints = [f"unknown parameter {name}" for name in query if name not in known]
        for name, value in query.items():
            schema = known.get(name, {})
            if schema.get("type") == "integer":
                number = int(value) if value.lstrip("-").isdigit() else value
                complaints += self._complaints(f"{method} {route}?{name}", schema, number)
        return complaints

    def response(self, method: str, route: str, status: int, body: Any) -> list[str]:
        """Complaints about what the stand-in answers."""
        responses = self._operation(method, route)["responses"]
        described = responses.get(str(status)) or (responses.get("4XX") if 400 <= status < 500 else None)
        if described is None:
            return [f"status {status} is none of {', '.join(responses)}"]
        described = self._resolved(described)
        schema = described.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return [] if body is None else ["a body where there is none"]
        return self._complaints(f"{method} {route} {status}", schema, body)

    def event(self, name: str, data: Any) -> list[str]:
        """Complaints about a gateway event."""
        if name not in EVENTS:
            return []
        schema, key = EVENTS[name]
        complaints = self._complaints(schema, {"$ref": f"#/components/schemas/{schema}"}, data[key] if key else data)
        if name == "GUILD_CREATE":
            for part, of_part in (("channels", "CHANNEL_CREATE"), ("threads", "THREAD_CREATE")):
                complaints += [complaint for each in data[part] for complaint in self.event(of_part, each)]
        return complaints

    def _operation(self, method: str, route: str) -> Schema:
        return self._spec["paths"][route][method.lower()]

    def _complaints(self, key: str, schema: Schema, body: Any) -> list[str]:
        if key not in self._validators:
            whole = {**schema, "components": self._spec["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        validator = self._validators[key]
        if validator.is_valid(body):
            return []
        return [f"{'/'.join(map(str, error.instance_path))}: {error.message}" for error in validator.iter_errors(body)]

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._spec
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _variants(self, schema: Schema) -> list[Schema]:
        """A schema and all that it is put together from."""
        schema = self._resolved(schema)
        parts = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, [])]
        return [schema, *(variant for part in parts for variant in self._variants(part))]

    def _unknown(self, schema: Schema, body: Any) -> set[str]:
        """The keys in a body that no variant of its schema lists."""
        variants = self._variants(schema)
        if isinstance(body, list):
            items = {"anyOf": [v["items"] for v in variants if "items" in v]}
            return set().union(*(self._unknown(items, each) for each in body))
        if not isinstance(body, dict) or any("additionalProperties" in variant for variant in variants):
            return set()
        listed: dict[str, list[Schema]] = {}
        for variant in variants:
            for key, value in variant.get("properties", {}).items():
                listed.setdefault(key, []).append(value)
        if not listed:
            return set()
        strangers = set(body) - set(listed) - set(ALSO_TAKEN)
        return strangers.union(*(self._unknown({"anyOf": listed[key]}, body[key]) for key in set(body) & set(listed)))


def _with_texts_as_ids(body: Any) -> Any:
    """A body with the ids of its reference as text: discord.py sends them as numbers, which Discord takes as well."""
    reference = body.get("message_reference") if isinstance(body, dict) else None
    if not isinstance(reference, dict):
        return body
    ids = {key: str(value) for key, value in reference.items() if key.endswith("_id") and type(value) is int}
    return body | {"message_reference": reference | ids}


class NoContract(Contract):
    """Finds nothing wrong, for want of the file."""

    def __init__(self) -> None:
        super().__init__({})

    def request(self, method: str, route: str, body: Any) -> list[str]:
        return []

    def query(self, method: str, route: str, query: dict[str, str]) -> list[str]:
        return []

    def response(self, method: str, route: str, status: int, body: Any) -> list[str]:
        return []

    def event(self, name: str, data: Any) -> list[str]:
        return []


@functools.cache
def published() -> Contract:
    """The contract of the file at DISCORD_OPENAPI or beside the checkout; read once."""
    path = Path(os.environ.get("DISCORD_OPENAPI", BESIDE_THE_CHECKOUT))
    if not path.is_file():
        print(f"NO CONTRACT CHECKS: Discord's OpenAPI file is not at {path}; set DISCORD_OPENAPI.", file=sys.stderr)
        return NoContract()
    return Contract(json.loads(path.read_text("utf-8")))
