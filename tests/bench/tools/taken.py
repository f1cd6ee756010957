"""Wait until a sink has taken so many messages. Words: sink, count. Prints when it took the last."""

import json
import sys

from tests.bench.tools.relay import wait

words = json.loads(sys.argv[1])
print(json.dumps({"last": wait(words["sink"], words["count"])}))
