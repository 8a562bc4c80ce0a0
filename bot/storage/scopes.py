"""Scopes as conditions of SQL, for tables that say where a message stands."""

from bot.askers import Scope
from bot.storage.database import json_ids


def place_conditions(scope: Scope, table: str) -> tuple[str, list[str]]:
    """What of a scope is asked of the channel and the author of each row of a table, and the values for that."""
    conditions, values = "", []
    for column, ids in (("channel_id", scope.channel_ids), ("author_id", scope.author_ids)):
        if ids is not None:
            conditions += f" AND {table}.{column} IN (SELECT value FROM json_each(?))"
            values.append(json_ids(ids))
    return conditions, values
