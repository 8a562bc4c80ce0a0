"""What members do about what is theirs is put down once a day, and nothing of servers that are not known."""

STATEMENTS = (
    # How often, and in which order, would tell more than the day does.
    """DELETE FROM audit WHERE is_own
       AND audit_id NOT IN (SELECT min(audit_id) FROM audit WHERE is_own GROUP BY guild_id, at, act)""",
    # That a server went is all that is left of it.
    "DELETE FROM audit WHERE guild_id NOT IN (SELECT guild_id FROM servers) AND act NOT IN ('purged', 'left')",
    "CREATE UNIQUE INDEX audit_of_members ON audit (guild_id, at, act) WHERE is_own",
)
