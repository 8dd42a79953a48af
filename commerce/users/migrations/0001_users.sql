-- A row stays after erasure, empty but for its id, so that a late event cannot bring somebody back.
CREATE TABLE profile (
  user_id TEXT PRIMARY KEY, email TEXT, name TEXT NOT NULL, phone TEXT NOT NULL, locale TEXT NOT NULL,
  email_updates INTEGER NOT NULL, sms_updates INTEGER NOT NULL, marketing INTEGER NOT NULL,
  version BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, erased_at BIGINT);
CREATE INDEX profile_email ON profile (email);

CREATE TABLE address (
  address_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, label TEXT NOT NULL, body TEXT NOT NULL,
  is_default INTEGER NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX address_user ON address (user_id, created_at);

-- Only appended to: when consent was given and taken back.
CREATE TABLE consent (
  user_id TEXT NOT NULL, at BIGINT NOT NULL, purpose TEXT NOT NULL, given INTEGER NOT NULL,
  PRIMARY KEY (user_id, purpose, at));
