-- expand: only adds columns and tables

-- Apart from channels: a server lists all of those at once, and of threads there are many more.
CREATE TABLE threads (
    id         {{bigint_pk}} NOT NULL,
    server_id  BIGINT  NOT NULL REFERENCES servers (id),
    channel_id BIGINT  NOT NULL REFERENCES channels (id),
    message_id BIGINT  NOT NULL,
    author_id  BIGINT  NOT NULL,
    name       TEXT    NOT NULL,
    archived   BOOLEAN NOT NULL,
    locked     BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    UNIQUE (channel_id, message_id)
);
CREATE INDEX threads_by_channel ON threads (channel_id, archived, id);
CREATE INDEX threads_by_server ON threads (server_id);

-- The state of personal scopes, like memberships. Without references to threads: who joins one that is being deleted is
-- a member of nothing, which is found nowhere.
CREATE TABLE thread_members (
    thread_id BIGINT NOT NULL,
    user_id   BIGINT NOT NULL,
    server_id BIGINT NOT NULL,
    PRIMARY KEY (thread_id, user_id)
) {{without_rowid}};
CREATE INDEX thread_members_by_user ON thread_members (user_id, server_id, thread_id);
CREATE INDEX thread_members_by_server ON thread_members (server_id);

-- low_id and high_id are the two of a pair, of a group they are NULL.
CREATE TABLE direct_messages (
    id         {{bigint_pk}} NOT NULL,
    kind       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    low_id     BIGINT,
    high_id    BIGINT,
    UNIQUE (low_id, high_id)
);

CREATE TABLE direct_participants (
    channel_id BIGINT NOT NULL REFERENCES direct_messages (id),
    user_id    BIGINT NOT NULL,
    PRIMARY KEY (channel_id, user_id)
) {{without_rowid}};

-- Of a direct message: whether the user hides it, and up to which place in its log.
ALTER TABLE memberships ADD COLUMN closed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE memberships ADD COLUMN closed_r BIGINT NOT NULL DEFAULT 0;
