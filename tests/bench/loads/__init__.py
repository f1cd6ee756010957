"""All loads, a module a subject."""

from collections.abc import Sequence

from tests.bench.loads import accept
from tests.bench.running import Load

LOADS: Sequence[Load] = [*accept.LOADS]
