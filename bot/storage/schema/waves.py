"""Watches for waves of alike messages: what servers want watched, what was found, what they do not want to hear of."""

STATEMENTS = (
    # How many alike messages of how many accounts within how many minutes, or of one account in how many channels, and
    # where and in which language that is told.
    """CREATE TABLE watches (
        guild_id INTEGER PRIMARY KEY,
        channel_id INTEGER NOT NULL,
        n_messages INTEGER NOT NULL,
        n_accounts INTEGER NOT NULL,
        minutes INTEGER NOT NULL,
        n_channels INTEGER NOT NULL,
        language TEXT NOT NULL
    ) STRICT""",
    # The notice is that of channel_id and notice_id, NULL until it is posted; last_at is in milliseconds since 1970.
    # It is to be drawn while n_drawn is less than n_changes.
    """CREATE TABLE waves (
        wave_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL,
        channel_id INTEGER NOT NULL,
        notice_id INTEGER,
        language TEXT NOT NULL,
        state TEXT NOT NULL,
        minutes INTEGER NOT NULL,
        last_at INTEGER NOT NULL,
        n_changes INTEGER NOT NULL DEFAULT 1,
        n_drawn INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX waves_by_server ON waves (guild_id)",
    "CREATE INDEX waves_to_draw ON waves (wave_id) WHERE n_drawn < n_changes",
    """CREATE TABLE wave_members (
        wave_id INTEGER NOT NULL REFERENCES waves ON DELETE CASCADE,
        guild_id INTEGER NOT NULL,
        message_id INTEGER NOT NULL,
        PRIMARY KEY (guild_id, message_id, wave_id),
        FOREIGN KEY (guild_id, message_id) REFERENCES messages ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX wave_members_by_wave ON wave_members (wave_id)",
    # A kind of messages that a server does not want to hear of: a direction, dim signed bytes, and no text.
    """CREATE TABLE ignored_kinds (
        kind_id INTEGER PRIMARY KEY,
        guild_id INTEGER NOT NULL REFERENCES watches ON DELETE CASCADE,
        generation_id INTEGER NOT NULL REFERENCES generations ON DELETE CASCADE,
        direction BLOB NOT NULL
    ) STRICT""",
    "CREATE INDEX ignored_kinds_by_server ON ignored_kinds (guild_id)",
    # Whatever removes a message, in whichever transaction, has the notice drawn anew; what is added, while it is open.
    """CREATE TRIGGER wave_grown AFTER INSERT ON wave_members BEGIN
        UPDATE waves SET n_changes = n_changes + 1 WHERE wave_id = new.wave_id AND state = 'open';
    END""",
    """CREATE TRIGGER wave_shrunk AFTER DELETE ON wave_members BEGIN
        UPDATE waves SET n_changes = n_changes + 1 WHERE wave_id = old.wave_id;
    END""",
    # What was rewritten says something else.
    """CREATE TRIGGER wave_rewritten AFTER UPDATE OF content, attached ON messages
       WHEN old.content <> new.content OR old.attached IS NOT new.attached BEGIN
        DELETE FROM wave_members WHERE guild_id = new.guild_id AND message_id = new.message_id;
    END""",
)
