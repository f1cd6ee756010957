"""Send mail into the mailboxes. Words: those of ``source.Send``. Prints when it began, was accepted and was delivered, seconds since the epoch."""

import json
import sys
import time

from tests.bench.tools.maildirs import Deliveries, delivered_at
from tests.bench.tools.source import Send, send

wanted = Send(**json.loads(sys.argv[1]))
deliveries = Deliveries()
began = time.time()
send(wanted)
accepted = time.time()
files = deliveries.wait(wanted.messages * wanted.recipients)
print(json.dumps({"began": began, "accepted": accepted, "delivered": max(map(delivered_at, files))}))
