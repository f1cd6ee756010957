"""The trace of every message: from the event files of all containers to one timeline.

``files`` reads on in event files, across rotation and restarts; ``index`` keeps what concerns a message in an SQLite file beside them, found by
trace, queue id, message id or address; ``timeline`` turns events into lines to read.

The event files are the truth. The index is a cache with a retention: one that is lost, damaged or of an older version is made
again from the files that are left. Reading position and rows change in one transaction, so daemon and ``malle`` may both read on at any time.
"""
