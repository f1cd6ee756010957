"""``make bench``: the site beside its peers, in one run on one machine.

A *stack* is a mail site in containers of its own project (``stacks``): ours, Postfix with Dovecot, OpenSMTPD with Dovecot. Each has the same
surroundings (``compose.around.yaml``: a name server, sinks that take mail, a client), volumes on the same file system and the same limits.

A *load* is something that a stack is given to do, and the figures it is measured by (``running.Load``; a file a subject in ``loads``). Loads run
one after the other; of each, the stacks take turns (ours, peer, peer, ours ...), so that what else the machine does falls on all alike.

``ratios`` compares: medians over the rounds, ours divided by the peer's. Of a rate a ratio above 1 means that ours is faster, of a time, of
memory and of CPU one below 1 (``running.Better``). ``report`` writes them down, ``charts`` draws them.

What runs in the client's container is in ``tools``: plain Python that knows nothing of the rest, reads its words as one JSON object and prints
one. All times are taken there, so that starting a command in a container is in none of them.

To add a load: a function that takes a ``Stack`` and returns the value of each figure, a ``Load`` that names it, and a line in ``loads``;
what is to be in ``QUICK=1`` as well goes into the list ``QUICK`` beside it, with less to do.
"""
