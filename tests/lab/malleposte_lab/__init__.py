"""The lab: mail sites in containers, a world around them, and the means to break both.

Drives Docker through the SDK and ``docker compose`` and knows a site only from outside: its ports, its ``malle`` command, its event
lines. Imports nothing of the services it tests, so that a bug of theirs cannot hide itself.

* ``project``  one Compose project: containers, exec, kill and pause, logs
* ``events``   the event lines of all containers as one list to wait on
* ``site``     a mail site: accounts, ports, clients with the site's own CA
* ``launch``   a site started, and taken down whatever happens
* ``history``  unique messages in, mailboxes out: nothing accepted is lost, duplicates are counted
* ``plugin``   the pytest fixtures
* ``gate.py``, ``sink.py``  stand-alone programs that run inside the lab's containers
"""
