CREATE TABLE users (
	id           {{bigint_pk}},
	username     TEXT NOT NULL UNIQUE,
	display_name TEXT NOT NULL,
	email        TEXT NOT NULL,
	roles        TEXT NOT NULL, -- separated by spaces
	created_at   BIGINT NOT NULL
);

CREATE TABLE identities (
	issuer  TEXT NOT NULL,
	subject TEXT NOT NULL,
	user_id BIGINT NOT NULL REFERENCES users (id),
	PRIMARY KEY (issuer, subject)
) {{without_rowid}};

CREATE TABLE accounts (
	user_id  {{bigint_pk}} REFERENCES users (id),
	email    TEXT NOT NULL UNIQUE,
	password TEXT NOT NULL,
	version  BIGINT NOT NULL
);

CREATE TABLE sessions (
	id         {{bigint_pk}},
	user_id    BIGINT NOT NULL REFERENCES users (id),
	secret     {{bytes}} NOT NULL UNIQUE,
	browser    {{bytes}} NOT NULL,
	signed_in  BIGINT NOT NULL,
	proven_at  BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ended_at   BIGINT NOT NULL -- 0 while it lives
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_end ON sessions (ended_at);

CREATE TABLE refresh_tokens (
	token      {{bytes}} NOT NULL PRIMARY KEY,
	family     {{bytes}} NOT NULL,
	session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
	client     TEXT NOT NULL,
	scopes     TEXT NOT NULL, -- separated by spaces
	rotated_at BIGINT NOT NULL, -- 0 while it is the newest
	trades     BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);

-- The one row of feed counts what was ever appended to revocations, and its lock puts the appenders in line.
CREATE TABLE feed (
	id   {{bigint_pk}},
	head BIGINT NOT NULL
);
INSERT INTO feed (id, head) VALUES (1, 0);

CREATE TABLE revocations (
	seq         {{bigint_pk}},
	session_id  BIGINT NOT NULL, -- or 0
	user_id     BIGINT NOT NULL, -- or 0
	not_before  BIGINT NOT NULL, -- with user_id
	appended_at BIGINT NOT NULL
);

CREATE TABLE tickets (
	kind       TEXT NOT NULL,
	id         {{bytes}} NOT NULL,
	session_id BIGINT NOT NULL, -- or 0
	data       {{bytes}} NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (kind, id)
) {{without_rowid}};
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

CREATE TABLE attempts (
	key      TEXT NOT NULL PRIMARY KEY,
	failures BIGINT NOT NULL,
	last_at  BIGINT NOT NULL,
	until_at BIGINT NOT NULL
) {{without_rowid}};
CREATE INDEX attempts_by_last ON attempts (last_at);

CREATE TABLE signing_keys (
	generation {{bigint_pk}},
	id         TEXT NOT NULL,
	private    {{bytes}} NOT NULL,
	public     {{bytes}} NOT NULL,
	created_at BIGINT NOT NULL,
	active_at  BIGINT NOT NULL
);

CREATE TABLE outbox (
	id         {{bigint_pk}},
	kind       TEXT NOT NULL,
	address    TEXT NOT NULL,
	locale     TEXT NOT NULL,
	ticket     {{bytes}} NOT NULL,
	browser    {{bytes}} NOT NULL,
	tries      BIGINT NOT NULL,
	due_at     BIGINT NOT NULL,
	created_at BIGINT NOT NULL
);
CREATE INDEX outbox_by_due ON outbox (due_at);

CREATE TABLE letters (
	id      {{bigint_pk}},
	folded  TEXT NOT NULL, -- the address as it is looked for
	address TEXT NOT NULL,
	subject TEXT NOT NULL,
	body    TEXT NOT NULL,
	sent_at BIGINT NOT NULL
);
CREATE INDEX letters_to ON letters (folded);
