-- Where the shop sends to: each country is in one zone, and a zone has a price list.
CREATE TABLE shipping_zone (country TEXT PRIMARY KEY, zone TEXT NOT NULL);

-- Prices in minor units: `price` for the first piece, `per_item` for each further one, nothing from `free_from` on.
CREATE TABLE shipping_rate (
  zone TEXT NOT NULL, currency TEXT NOT NULL, code TEXT NOT NULL, position INTEGER NOT NULL, label TEXT NOT NULL,
  carrier TEXT NOT NULL, price BIGINT NOT NULL CHECK (price >= 0), per_item BIGINT NOT NULL CHECK (per_item >= 0),
  free_from BIGINT, days_min INTEGER NOT NULL, days_max INTEGER NOT NULL,
  PRIMARY KEY (zone, currency, code), CHECK (days_min <= days_max));

-- One parcel of a placed order. Its status is a summary of the tracking log, kept for lists and checks.
CREATE TABLE shipment (
  shipment_id TEXT PRIMARY KEY, order_id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, status TEXT NOT NULL,
  carrier TEXT NOT NULL, option_code TEXT NOT NULL, tracking_number TEXT UNIQUE, lines TEXT NOT NULL,
  -- Whom it goes to. Emptied when nobody needs it any more.
  address TEXT NOT NULL,
  -- 1 while somebody looks at the order: nothing leaves.
  on_hold INTEGER NOT NULL,
  -- The saga that is handing the parcel over: from then on it cannot be called off.
  leaving TEXT,
  -- When it leaves by itself; NULL when somebody has to see to it.
  ship_at BIGINT,
  version BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE INDEX shipment_by_time ON shipment (created_at, shipment_id);
CREATE INDEX shipment_by_status ON shipment (status, created_at, shipment_id);
CREATE INDEX shipment_to_ship ON shipment (ship_at) WHERE ship_at IS NOT NULL;
CREATE INDEX shipment_to_forget ON shipment (updated_at) WHERE address <> '';

-- Orders that never get a shipment, because they were called off first. The subject is known once the order is heard of.
CREATE TABLE called_off (order_id TEXT PRIMARY KEY, subject TEXT, reason TEXT NOT NULL, at BIGINT NOT NULL);

-- Append only: what shop and carrier said, each thing once, with the time when it was so. No personal data.
CREATE TABLE tracking (
  shipment_id TEXT NOT NULL, entry_id TEXT NOT NULL, status TEXT NOT NULL, at BIGINT NOT NULL, place TEXT,
  message TEXT NOT NULL, recorded_at BIGINT NOT NULL,
  PRIMARY KEY (shipment_id, entry_id));

-- What the carrier still has to be told. Repeated until it answers.
CREATE TABLE carrier_task (
  shipment_id TEXT NOT NULL, kind TEXT NOT NULL, next_at BIGINT NOT NULL, attempts INTEGER NOT NULL, last_result TEXT,
  PRIMARY KEY (shipment_id, kind));
CREATE INDEX carrier_task_due ON carrier_task (next_at);

-- Webhooks as they came, stored before they are acknowledged. One that could not be applied at once waits here.
CREATE TABLE webhook_inbox (
  event_id TEXT PRIMARY KEY, tracking_number TEXT NOT NULL, payload TEXT NOT NULL, received_at BIGINT NOT NULL,
  result TEXT, attempts INTEGER NOT NULL, next_at BIGINT);
CREATE INDEX webhook_inbox_waiting ON webhook_inbox (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_inbox_by_time ON webhook_inbox (received_at);
