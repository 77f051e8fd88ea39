-- expand: only adds columns and tables

ALTER TABLE roles ADD COLUMN color BIGINT NOT NULL DEFAULT 0;
ALTER TABLE roles ADD COLUMN hoist BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE roles ADD COLUMN mentionable BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE members ADD COLUMN nickname TEXT NOT NULL DEFAULT '';

-- Apart from members, because a mute outlives the membership: leaving and coming back sheds none.
CREATE TABLE mutes (
    server_id BIGINT NOT NULL REFERENCES servers (id),
    user_id   BIGINT NOT NULL,
    ends_at   BIGINT NOT NULL,
    PRIMARY KEY (server_id, user_id)
) {{without_rowid}};
CREATE INDEX mutes_by_end ON mutes (ends_at);

-- Whoever is banned is no member, and the other way round.
CREATE TABLE bans (
    id         {{bigint_pk}} NOT NULL,
    server_id  BIGINT NOT NULL REFERENCES servers (id),
    user_id    BIGINT NOT NULL,
    actor_id   BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (server_id, user_id)
);
CREATE INDEX bans_by_server ON bans (server_id, id);

-- Append only. changes is JSON, for reading only.
CREATE TABLE audit_entries (
    id         {{bigint_pk}} NOT NULL,
    server_id  BIGINT NOT NULL,
    actor_id   BIGINT NOT NULL,
    action     TEXT   NOT NULL,
    target_id  BIGINT NOT NULL,
    changes    TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_by_server ON audit_entries (server_id, id);
CREATE INDEX audit_by_actor ON audit_entries (server_id, actor_id, id);
CREATE INDEX audit_by_target ON audit_entries (server_id, target_id, id);
