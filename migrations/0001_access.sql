-- Accounts, and the API keys that act for them.

-- Up Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

CREATE SCHEMA portfolio;
CREATE SCHEMA access;

CREATE TABLE portfolio.accounts (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  cash numeric(38, 16) NOT NULL DEFAULT 0,
  reserved numeric(38, 16) NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT accounts_name_key UNIQUE (name),
  CONSTRAINT accounts_name_check CHECK (name = btrim(name) AND length(name) BETWEEN 1 AND 200),
  CONSTRAINT accounts_cash_check CHECK (cash >= 0 AND cash <> 'NaN'),
  CONSTRAINT accounts_reserved_check CHECK (reserved >= 0 AND reserved <> 'NaN')
);
COMMENT ON TABLE portfolio.accounts IS
  'One row per account. cash is free to spend, reserved is held by resting BUY orders; both leave only through a fill.';

CREATE TABLE access.api_keys (
  id uuid PRIMARY KEY,
  prefix text NOT NULL,
  digest bytea NOT NULL,
  role text NOT NULL,
  account_id uuid REFERENCES portfolio.accounts (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_keys_prefix_key UNIQUE (prefix),
  CONSTRAINT api_keys_digest_key UNIQUE (digest),
  CONSTRAINT api_keys_prefix_check CHECK (prefix ~ '^[a-z0-9]{8}$'),
  CONSTRAINT api_keys_digest_check CHECK (octet_length(digest) = 32),
  CONSTRAINT api_keys_role_check CHECK (role IN ('viewer', 'trader', 'operator', 'admin')),
  CONSTRAINT api_keys_account_check CHECK (role IN ('operator', 'admin') OR account_id IS NOT NULL),
  CONSTRAINT api_keys_expires_at_check CHECK (expires_at > created_at)
);
CREATE INDEX api_keys_account_id_idx ON access.api_keys (account_id);
COMMENT ON TABLE access.api_keys IS
  'API keys by the SHA-256 of the key. The key itself is shown once, when it is made, and stored nowhere.';

-- Down Migration
SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '60s';

DROP TABLE access.api_keys;
DROP TABLE portfolio.accounts;
DROP SCHEMA access;
DROP SCHEMA portfolio;
