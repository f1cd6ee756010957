"""What is asked of the database: one text for SQLite and for servers, checked against ``schema`` by the tests."""

DOMAIN = "SELECT name, class, target FROM domains WHERE name = :key"
ACCOUNT = "SELECT address, password_hash, quota_bytes, quota_messages, enabled, created FROM accounts WHERE address = :key"
ALIAS = "SELECT target FROM aliases WHERE source = :key ORDER BY position"
GENERATION = "SELECT generation FROM meta"

Row = tuple[str | int | float | None, ...]
