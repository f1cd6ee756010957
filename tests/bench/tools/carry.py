"""Send mail into the mailboxes. Words: those of ``source.Send``, and ``recipients`` of each message where there are several.

Prints when it began, was accepted and was delivered, seconds since the epoch.
"""

import asyncio
import json
import sys
import time
from typing import Any

from tests.bench.tools.client import send_many
from tests.bench.tools.maildirs import Deliveries, delivered_at
from tests.bench.tools.source import Send, send


def main(messages: int, recipients: int = 1, **words: Any) -> None:
    deliveries = Deliveries()
    began = time.time()
    if recipients == 1:
        send(Send(messages=messages, domain="example.test", **words))
    else:
        asyncio.run(send_many(messages=messages, recipients=recipients, **words))
    accepted = time.time()
    files = deliveries.wait(messages * recipients)
    print(json.dumps({"began": began, "accepted": accepted, "delivered": max(map(delivered_at, files))}))


main(**json.loads(sys.argv[1]))
