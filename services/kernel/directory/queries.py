"""What is asked of the database: one text for SQLite and for servers, checked against ``schema`` by the tests."""

DOMAIN = "SELECT name, class, target, quota_bytes, quota_messages FROM domains WHERE name = :key"
ACCOUNT = "SELECT address, password_hash, quota_bytes, quota_messages, enabled, created, mailbox_format FROM accounts WHERE address = :key"
ALIAS = "SELECT target FROM aliases WHERE source = :key ORDER BY position"
SCRAM = (
    "SELECT scram.verifier FROM scram JOIN accounts ON accounts.address = scram.address AND accounts.password_hash = scram.password_hash"
    " WHERE scram.address = :key AND accounts.enabled AND accounts.password_hash <> ''"
)
SCRAM_SECRET = "SELECT verifier FROM scram WHERE address = ''"
WITHOUT_SCRAM = (
    "SELECT accounts.address FROM accounts WHERE accounts.enabled AND accounts.password_hash <> '' AND NOT EXISTS"
    " (SELECT 1 FROM scram WHERE scram.address = accounts.address AND scram.password_hash = accounts.password_hash) LIMIT 1"
)
DOMAINS = "SELECT name, class, target, quota_bytes, quota_messages FROM domains"
ACCOUNTS = "SELECT address FROM accounts WHERE enabled"
ALIASES = "SELECT DISTINCT source FROM aliases"
GENERATION = "SELECT generation FROM meta"

Row = tuple[str | int | float | None, ...]
