"""The skeleton of a process.

Holds what every container does in the same way: its first step (``entry``) with all its modules in one file (``bundle``), reading its
configuration with errors that name file, line and path (``config``, ``fault``), its life from start to a graceful stop (``lifecycle``), the
directory it works in (``workplace``), listening sockets, connections as lines and the doors of who serves them (``lines``, ``reception``), TLS
contexts that follow renewed certificates (``tls``), metrics over HTTP (``metrics``), and the health probe (``probe``, a stand-alone script).
Refuses all knowledge of mail.
"""
