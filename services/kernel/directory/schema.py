"""The tables of the directory. Written by ``services.admin`` alone; read through ``queries``."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, Integer, MetaData, String, Table

SCHEMA_VERSION = 3

ADDRESS_LENGTH = 320
"""RFC 5321 section 4.5.3.1: 64 octets of local part, the sign, 255 of domain."""

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("one", Integer, CheckConstraint("one = 1"), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
)
"""A single row. Each writing transaction adds one to ``generation``."""

domains = Table(
    "domains",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("class", String(16), CheckConstraint("class IN ('hosted', 'alias', 'relay', 'backup')"), nullable=False),
    Column("target", String(300), nullable=False, default=""),
    Column("quota_bytes", BigInteger, nullable=False, default=0, server_default="0"),
    Column("quota_messages", BigInteger, nullable=False, default=0, server_default="0"),
)
"""The quotas are those of each mailbox that has none of its own; 0 is no limit."""

accounts = Table(
    "accounts",
    metadata,
    Column("address", String(ADDRESS_LENGTH), primary_key=True),
    Column("password_hash", String(255), nullable=False, default=""),
    Column("quota_bytes", BigInteger, nullable=False, default=0),
    Column("quota_messages", BigInteger, nullable=False, default=0),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("created", Double, nullable=False),
    Column("mailbox_format", String(16), nullable=False, default="maildir", server_default="maildir"),
)
"""A quota of 0 is the domain's, -1 no limit whatever the domain says.

Addresses are folded. The domain's row is not a foreign key: the address is the key that everything else knows."""

ADDED_SINCE = {1: (domains.c.quota_bytes, domains.c.quota_messages), 2: (accounts.c.mailbox_format,)}
"""The columns that each later version than this one has added."""

scram = Table(
    "scram",
    metadata,
    Column("address", String(ADDRESS_LENGTH), primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("verifier", String(255), nullable=False),
)
"""Keys for SCRAM-SHA-256, in the form of RFC 5803, beside the hash of the password that they were made of: they count only while the account has
that hash. The row with an empty address holds the secret from which the salts of unknown users come. Made with the first password set, so
a directory of before has no such table."""

aliases = Table(
    "aliases",
    metadata,
    Column("source", String(ADDRESS_LENGTH), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("target", String(ADDRESS_LENGTH), nullable=False),
)
"""``source`` is a folded address, or ``@domain`` for all that has no mailbox and no alias of its own."""
