-- Instants are Unix milliseconds, "none" is 0, rights are the bits of perm.Rights.

-- One revision counter per scope; its row is the lock under which the scope changes.
CREATE TABLE scopes (
    kind BIGINT NOT NULL,
    id   BIGINT NOT NULL,
    rev  BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
) {{without_rowid}};

-- Append only. change is the JSON of one servers.Change of that kind, about the one member that it is about, or 0.
CREATE TABLE scope_log (
    scope_kind BIGINT NOT NULL,
    scope_id   BIGINT NOT NULL,
    rev        BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    actor      BIGINT NOT NULL,
    about      BIGINT NOT NULL,
    change     TEXT   NOT NULL,
    PRIMARY KEY (scope_kind, scope_id, rev)
) {{without_rowid}};

-- The state of personal scopes: what a user belongs to. rev is of the personal scope and gives the order of joining.
CREATE TABLE memberships (
    user_id    BIGINT NOT NULL,
    scope_kind BIGINT NOT NULL,
    scope_id   BIGINT NOT NULL,
    rev        BIGINT NOT NULL,
    PRIMARY KEY (user_id, scope_kind, scope_id)
) {{without_rowid}};

CREATE TABLE servers (
    id           {{bigint_pk}} NOT NULL,
    name         TEXT   NOT NULL,
    description  TEXT   NOT NULL,
    owner_id     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    member_count BIGINT NOT NULL
);

CREATE TABLE roles (
    id        {{bigint_pk}} NOT NULL,
    server_id BIGINT NOT NULL REFERENCES servers (id),
    name      TEXT   NOT NULL,
    position  BIGINT NOT NULL,
    rights    BIGINT NOT NULL
);
CREATE INDEX roles_by_server ON roles (server_id);

CREATE TABLE members (
    server_id BIGINT NOT NULL REFERENCES servers (id),
    user_id   BIGINT NOT NULL,
    joined_at BIGINT NOT NULL,
    PRIMARY KEY (server_id, user_id)
) {{without_rowid}};

CREATE TABLE member_roles (
    server_id BIGINT NOT NULL,
    user_id   BIGINT NOT NULL,
    role_id   BIGINT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (server_id, user_id, role_id),
    FOREIGN KEY (server_id, user_id) REFERENCES members (server_id, user_id)
) {{without_rowid}};
CREATE INDEX member_roles_by_role ON member_roles (role_id);

CREATE TABLE channels (
    id        {{bigint_pk}} NOT NULL,
    server_id BIGINT  NOT NULL REFERENCES servers (id),
    kind      TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    topic     TEXT    NOT NULL,
    parent_id BIGINT  NOT NULL,
    position  BIGINT  NOT NULL,
    synced    BOOLEAN NOT NULL
);
CREATE INDEX channels_by_server ON channels (server_id, position);

-- Outlives its channel, so that a late request about one is still answered by the scope that decides.
CREATE TABLE channel_scopes (
    channel_id {{bigint_pk}} NOT NULL,
    scope_kind BIGINT NOT NULL,
    scope_id   BIGINT NOT NULL
);

CREATE TABLE overwrites (
    id         {{bigint_pk}} NOT NULL,
    channel_id BIGINT NOT NULL REFERENCES channels (id),
    role_id    BIGINT NOT NULL,
    member_id  BIGINT NOT NULL,
    allow      BIGINT NOT NULL,
    deny       BIGINT NOT NULL,
    UNIQUE (channel_id, role_id, member_id)
);

CREATE TABLE invitations (
    code       {{text_binary}} NOT NULL PRIMARY KEY,
    server_id  BIGINT NOT NULL REFERENCES servers (id),
    creator_id BIGINT NOT NULL,
    max_uses   BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX invitations_by_server ON invitations (server_id, created_at);
