CREATE TABLE price (
  sku TEXT NOT NULL, currency TEXT NOT NULL, amount BIGINT NOT NULL CHECK (amount >= 0),
  compare_at BIGINT, tax_category TEXT NOT NULL, updated_at BIGINT NOT NULL,
  PRIMARY KEY (sku, currency));

CREATE TABLE tax_rate (
  country TEXT NOT NULL, category TEXT NOT NULL, rate_bp INTEGER NOT NULL, included INTEGER NOT NULL,
  PRIMARY KEY (country, category));

CREATE TABLE promotion (
  promotion_id TEXT PRIMARY KEY, needs_coupon INTEGER NOT NULL, starts_at BIGINT, ends_at BIGINT, body TEXT NOT NULL);
CREATE INDEX promotion_open ON promotion (needs_coupon);

CREATE TABLE coupon (
  code TEXT PRIMARY KEY, promotion_id TEXT NOT NULL, use_limit BIGINT, per_customer_limit BIGINT,
  used BIGINT NOT NULL CHECK (used >= 0), CHECK (use_limit IS NULL OR used <= use_limit));

-- One row for each order that asked, or was given up before it could: an order asks once.
CREATE TABLE coupon_order (
  order_id TEXT PRIMARY KEY, state TEXT NOT NULL, codes TEXT NOT NULL, customer TEXT NOT NULL, expires_at BIGINT);
CREATE INDEX coupon_order_expiry ON coupon_order (state, expires_at);

CREATE TABLE redemption (
  code TEXT NOT NULL, order_id TEXT NOT NULL, customer TEXT NOT NULL, state TEXT NOT NULL, at BIGINT NOT NULL,
  PRIMARY KEY (code, order_id));
CREATE INDEX redemption_customer ON redemption (code, customer);
