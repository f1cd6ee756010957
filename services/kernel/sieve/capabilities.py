"""What a script may ``require``."""

CAPABILITIES = frozenset(
    {
        "body",
        "comparator-i;ascii-casemap",
        "comparator-i;ascii-numeric",
        "comparator-i;octet",
        "comparator-i;unicode-casemap",
        "copy",
        "date",
        "duplicate",
        "editheader",
        "encoded-character",
        "enotify",
        "envelope",
        "envelope-dsn",
        "environment",
        "ereject",
        "extracttext",
        "fcc",
        "fileinto",
        "foreverypart",
        "ihave",
        "imap4flags",
        "include",
        "index",
        "mailbox",
        "mime",
        "regex",
        "redirect-dsn",
        "reject",
        "relational",
        "special-use",
        "subaddress",
        "vacation",
        "vacation-seconds",
        "variables",
    }
)
"""What is there wherever scripts run; ManageSieve's SIEVE capability lists it (RFC 5804 section 1.7)."""
METADATA = frozenset({"mboxmetadata", "servermetadata"})
"""For a site that keeps annotations (RFC 5490)."""
NOTIFY_METHODS = ("mailto",)
"""ManageSieve's NOTIFY capability (RFC 5804 section 1.7)."""
