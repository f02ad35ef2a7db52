-- up
CREATE SCHEMA todo;

CREATE TABLE todo.accounts (
  id uuid PRIMARY KEY,
  -- SHA-256 of the key: the key itself is nowhere.
  key_digest bytea NOT NULL UNIQUE CHECK (octet_length(key_digest) = 32),
  role text NOT NULL CHECK (role IN ('writer', 'operator'))
);

CREATE TABLE todo.transitions (
  from_status text NOT NULL,
  to_status text NOT NULL,
  PRIMARY KEY (from_status, to_status)
);
INSERT INTO todo.transitions VALUES ('open', 'done'), ('done', 'open'), ('open', 'archived'), ('done', 'archived');

CREATE TABLE todo.todos (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES todo.accounts (id),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'archived')),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX todos_account_created_idx ON todo.todos (account_id, created_at DESC);

CREATE FUNCTION todo.hold_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'open' THEN RAISE EXCEPTION 'a to-do begins open, not %', NEW.status; END IF;
  ELSIF NOT EXISTS (
    SELECT FROM todo.transitions WHERE from_status = OLD.status AND to_status = NEW.status
  ) THEN
    RAISE EXCEPTION '% cannot become %', OLD.status, NEW.status;
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER hold_status BEFORE INSERT OR UPDATE OF status ON todo.todos
  FOR EACH ROW EXECUTE FUNCTION todo.hold_status();
-- down
DROP SCHEMA todo CASCADE;
