"""What members do about what is theirs is put down once a day."""

STATEMENTS = (
    # How often, and in which order, would tell more than the day does.
    """DELETE FROM audit WHERE is_own
       AND audit_id NOT IN (SELECT min(audit_id) FROM audit WHERE is_own GROUP BY guild_id, at, act)""",
    "CREATE UNIQUE INDEX audit_of_members ON audit (guild_id, at, act) WHERE is_own",
)
