-- Gateways are told which sessions ended, again and again until their access tokens have expired.
CREATE INDEX session_revoked ON session (revoked_at, session_id);
