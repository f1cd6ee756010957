"""pipe: hands mail to commands of the operator's, as Postfix's pipe(8) does.

Owns the transports with ``program: pipe``. qmgr asks over the delivery hop, as it asks relay; pipe reads the content from the queue file, runs
the command of the transport once (with the flags D and O once for each recipient), and answers one outcome for each recipient. It is a service
of its own because what it runs is not ours: a network without any other service, no tables (they hold passwords), no certificates, the queue
for reading. qmgr's socket and the events lie in folders that commands do not enter.

::

    request -> recipe: macros of argv -> users: who runs it -> command: standard input, output, time limit -> sysexits -> outcomes
                                                   ^ content: the message as the flags want it

Refuses shells: an argument is an argument, whatever is in an address. One that begins with ``-`` is refused, as it could be taken for an option
(Postfix ``allow_min_user``). The command gets a clean environment, an empty list of groups, the folder /tmp and a session of its own.

Who runs it. Started as root with the capabilities SETUID, SETGID and KILL and no other (the Compose profile ``pipe``), it runs each command as
the user of its transport, by default as ``pipe``; never as root or as a user or group of the site's programs. Started as ``pipe`` it has no
capability, and runs commands as that user alone, with its groups: they can read the queue then, and reach the socket and the events.

What goes wrong:

* The exit status decides by sysexits.h, and an enhanced status code at the beginning of the output goes before it (pipe(8), DIAGNOSTICS).
* A command that is not there, a user that may not be, a wrong macro: deferred ``4.3.5`` as trouble of the destination, and told as an event.
* The time limit is over: the whole process group is killed and the message deferred ``4.3.0``. So it is when a signal ended the command.
* qmgr is gone, or a stop takes too long: commands under way are killed and qmgr asks again. A command may so see a message twice, never not at all.
"""
