-- What is known of people who have accounts.
CREATE TABLE recipient (
  user_id TEXT PRIMARY KEY, email TEXT, phone TEXT NOT NULL, locale TEXT, email_updates INTEGER NOT NULL,
  sms_updates INTEGER NOT NULL);

-- Whom an order concerns: later events of it name no address. Emptied, not deleted, when its buyer is erased.
CREATE TABLE contact (
  order_id TEXT PRIMARY KEY, subject TEXT NOT NULL, order_number TEXT NOT NULL, email TEXT NOT NULL,
  phone TEXT NOT NULL, locale TEXT NOT NULL);
CREATE INDEX contact_subject ON contact (subject);

CREATE TABLE message (
  message_id TEXT PRIMARY KEY, event_id TEXT NOT NULL, template TEXT NOT NULL, version BIGINT NOT NULL,
  channel TEXT NOT NULL, recipient TEXT NOT NULL, user_id TEXT, locale TEXT NOT NULL, subject TEXT NOT NULL,
  body_text TEXT NOT NULL, body_html TEXT, link_id TEXT, status TEXT NOT NULL, attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL, claimed_at BIGINT, sent_at BIGINT, error TEXT, created_at BIGINT NOT NULL,
  -- The promise that nobody is told a thing twice.
  UNIQUE (event_id, template, recipient));
CREATE INDEX message_due ON message (status, next_at);
CREATE INDEX message_recipient ON message (recipient, message_id);
CREATE INDEX message_user ON message (user_id);
CREATE INDEX message_age ON message (created_at);

CREATE TABLE suppression (recipient TEXT PRIMARY KEY, reason TEXT NOT NULL, at BIGINT NOT NULL);
