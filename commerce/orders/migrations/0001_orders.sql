-- The orders as they are now: written in the transaction that records their events, so that whoever placed one sees it.
CREATE TABLE order_view (
  order_id TEXT PRIMARY KEY, subject TEXT NOT NULL, email TEXT NOT NULL, checkout_id TEXT NOT NULL,
  lifecycle TEXT NOT NULL, payment TEXT NOT NULL, fulfilment TEXT NOT NULL, currency TEXT NOT NULL,
  total BIGINT NOT NULL, items BIGINT NOT NULL, version BIGINT NOT NULL, state TEXT NOT NULL,
  created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE INDEX order_view_subject ON order_view (subject, created_at, order_id);
CREATE INDEX order_view_created ON order_view (created_at, order_id);

CREATE TABLE order_note (
  order_id TEXT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (order_id, seq));

-- A projection: made from the log, and made anew from it whenever somebody wants.
CREATE TABLE sales_day (
  day TEXT NOT NULL, currency TEXT NOT NULL, placed BIGINT NOT NULL, cancelled BIGINT NOT NULL, revenue BIGINT NOT NULL,
  PRIMARY KEY (day, currency));
