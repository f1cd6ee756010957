"""``python -m tests.bench``: measure."""

from tests.bench.end_to_end import main

main()
