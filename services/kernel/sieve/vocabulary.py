"""All commands and tests by name."""

from services.kernel.sieve import answering, control, datetests, editing, fieldtests, filing, flags, notifying, partloop, texttests, worldtests

_GROUPS = (answering, control, datetests, editing, fieldtests, filing, flags, notifying, partloop, texttests, worldtests)

WORDS = {word.name: word for group in _GROUPS for word in group.WORDS}
