CREATE TABLE account (
  user_id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL, name TEXT NOT NULL,
  roles TEXT NOT NULL, verified INTEGER NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);

-- A session is a family of refresh tokens; only the newest generation is good. No token is stored, in any form:
-- each is its session, its generation and a MAC over both.
CREATE TABLE session (
  session_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, generation BIGINT NOT NULL, created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, revoked_at BIGINT, reason TEXT);
CREATE INDEX session_of_user ON session (user_id, created_at);
CREATE INDEX session_expiry ON session (expires_at);

-- Links in mails, each good once. Their tokens are MACs over the id too.
CREATE TABLE link (
  link_id TEXT PRIMARY KEY, purpose TEXT NOT NULL, user_id TEXT NOT NULL, created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL, used_at BIGINT);
CREATE INDEX link_user ON link (user_id, purpose);
CREATE INDEX link_expiry ON link (expires_at);

CREATE TABLE api_key (
  key_id TEXT PRIMARY KEY, name TEXT NOT NULL, roles TEXT NOT NULL, digest TEXT NOT NULL, created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL, revoked_at BIGINT);

-- How often something failed lately, by account or address, so that a restart forgets no attack.
CREATE TABLE throttle (throttle_key TEXT PRIMARY KEY, failures BIGINT NOT NULL, failed_at BIGINT NOT NULL);
CREATE INDEX throttle_age ON throttle (failed_at);

-- Private keys, as JWK text. Whoever reads this file can sign as the shop: it is as secret as a key file.
CREATE TABLE signing_key (kid TEXT PRIMARY KEY, private_jwk TEXT NOT NULL, active_from BIGINT NOT NULL);
CREATE TABLE secret (name TEXT PRIMARY KEY, value TEXT NOT NULL, created_at BIGINT NOT NULL);
