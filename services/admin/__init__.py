"""The operator's program: the command line ``malle``, the trace of every message, and the only hand that writes the directory.

Two faces of one program. ``python -m services.admin`` is the daemon: it indexes the events of all containers (``trace``) and answers
``/healthz`` and ``/metrics``. ``malle`` (``cli``) is started by the operator in the same container and does its work itself: it writes the
directory (``directory``), asks qmgr over the control hop (``control``) and verify over the verdict hop (``verifier``), reads the index, checks
the configuration. ``malle init`` runs once before the site starts and makes what is missing: CA, certificate (``certificates``) and the
directory's tables.

Owns the directory's content, the certificates it made itself and the index of events. Refuses to touch the queue and the
mailboxes: it asks their owners.

Failure: nothing here is on the way of a message. Without admin, mail flows on; a lost index is made again from the event
files, which each service keeps. A command that fails says why in one line on stderr and exits 1; one that was typed wrong exits 2.

``configuration`` is the one module that knows the schema of every service's section, as ``malle config`` and the generated reference need it.
"""
