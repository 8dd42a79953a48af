CREATE TABLE cart (
  cart_id TEXT PRIMARY KEY, subject TEXT NOT NULL, guest INTEGER NOT NULL, status TEXT NOT NULL,
  currency TEXT NOT NULL, country TEXT NOT NULL, email TEXT, shipping_address TEXT, billing_address TEXT,
  option_code TEXT, coupon_codes TEXT NOT NULL, checkout_id TEXT, order_id TEXT, version BIGINT NOT NULL,
  abandoned INTEGER NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE INDEX cart_subject ON cart (subject, status, updated_at);
CREATE INDEX cart_idle ON cart (status, guest, updated_at);

-- What a line shows is copied from the catalogue when it is put in: a cart can be shown without asking anybody.
CREATE TABLE cart_line (
  cart_id TEXT NOT NULL, sku TEXT NOT NULL, quantity BIGINT NOT NULL CHECK (quantity > 0), product_id TEXT NOT NULL,
  slug TEXT NOT NULL, title TEXT NOT NULL, variant_title TEXT NOT NULL, image_url TEXT, added_at BIGINT NOT NULL,
  PRIMARY KEY (cart_id, sku));
