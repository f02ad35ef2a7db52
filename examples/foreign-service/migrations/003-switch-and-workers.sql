-- up
-- One row: while it is on, no to-do is taken.
CREATE TABLE todo.read_only (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  is_on boolean NOT NULL
);
INSERT INTO todo.read_only (is_on) VALUES (false);

CREATE TABLE todo.workers (
  name text PRIMARY KEY,
  heartbeat_at timestamptz NOT NULL
);
-- down
DROP TABLE todo.workers;
DROP TABLE todo.read_only;
