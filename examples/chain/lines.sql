CREATE TABLE lines (owner name NOT NULL DEFAULT current_user, text text NOT NULL);
ALTER TABLE lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON lines USING (owner = current_user);
GRANT SELECT, INSERT ON lines TO PUBLIC
