"""Delete all mail of the users ``bench0`` and on, as they would do it. Words: server, users, password."""

import imaplib
import json
import sys

from tests.bench.tools.login import context

words = json.loads(sys.argv[1])
for number in range(words["users"]):
    client = imaplib.IMAP4_SSL(words["server"], 993, ssl_context=context(), timeout=120)
    client.login(f"bench{number}@example.test", words["password"])
    _, (count,) = client.select("INBOX")
    if int(count or 0):
        client.store("1:*", "+FLAGS.SILENT", r"(\Deleted)")
        client.expunge()
    client.logout()
print("{}")
