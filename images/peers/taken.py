#!/usr/bin/python3
"""Writes down a message that a mail server of the lab has taken: the content on standard input, facts as words ``NAME=VALUE`` or as
``TAKEN_NAME`` in the environment.

One JSON line in /taken, which the container prints: ``{"kind": "taken", ... the words ..., "size":, "sha256":, "subject":, "content": base64}``.
"""

import base64
import hashlib
import json
import os
import re
import sys

CONTENT_LIMIT = 6000  # a line of Docker's log holds 16 KiB

content = sys.stdin.buffer.read()
subject = re.search(rb"(?im)^subject: *(.*?)\r?$", content)
facts: dict[str, object] = {"kind": "taken", **dict(word.split("=", 1) for word in sys.argv[1:])}
facts |= {name.removeprefix("TAKEN_"): value for name, value in os.environ.items() if name.startswith("TAKEN_")}
facts["subject"] = subject[1].decode("utf-8", "replace") if subject else ""
facts["size"] = len(content)
facts["sha256"] = hashlib.sha256(content).hexdigest()
facts["content"] = base64.b64encode(content[:CONTENT_LIMIT]).decode()
out = os.open("/taken", os.O_WRONLY | os.O_APPEND)
os.write(out, json.dumps(facts).encode() + b"\n")
