-- up
-- What was answered to an Idempotency-Key, written in the transaction of the to-do itself.
CREATE TABLE todo.replies (
  account_id uuid NOT NULL REFERENCES todo.accounts (id),
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  request text NOT NULL,
  todo_id uuid REFERENCES todo.todos (id),
  PRIMARY KEY (account_id, key)
);
CREATE INDEX replies_todo_idx ON todo.replies (todo_id);
-- down
DROP TABLE todo.replies;
