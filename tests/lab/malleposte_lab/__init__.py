"""The lab: mail sites in containers, a world around them, and the means to break both.

Drives Docker through the SDK and ``docker compose`` and knows a site only from outside: its ports, its ``malle`` command, its event
lines. Imports nothing of the services it tests, so that a bug of theirs cannot hide itself.

* ``project``   one Compose project: containers, exec, files, logs
* ``launch``    a project started, and taken down whatever happens
* ``lab``       several projects, the ``faults`` that can be made among their ``parties``, and their ``events`` as one list to wait on
* ``site``      a Malleposte site: accounts, ports, clients with the site's own CA
* ``twosites``  a primary site, its backup, and a world around them; ``zones`` is what their name server says
* ``history``   unique messages and what became of each at the front door; ``checker`` judges what came of them, ``repeats`` what came twice
* ``disks``     disks whose power can be cut; ``settings`` changed while a site runs
* ``schedule``  faults drawn from a seed, ``traffic`` senders, ``chaos`` both together; by hand ``python -m malleposte_lab``
* ``hosts``     scripted servers from a table: addresses, certificates, DNS
* ``plugin``    the pytest fixtures
* ``gate.py``, ``sink.py``, ``smtphost.py``, ``delay.py``  programs that run inside the lab's containers
"""
