"""What the containers share, in layers: a package may import those below it, never those above.

====================================  =================================================================
``wire``                              the hops between containers and the events they emit
``sasl``                              signing in: mechanisms, channel binding, bearer tokens
``spool routing mailbox directory``   the stores, and the decision where a message goes
``tables dns``                        lookups: table files and the domain name system
``runtime``                           the skeleton of a process: configuration, life cycle, TLS, metrics
``smtp``                              SMTP and LMTP as protocols, both sides
``sieve``                             scripts that say what becomes of a message, beside ``smtp``
``mail``                              words without I/O: addresses, envelopes, replies, headers, MIME
====================================  =================================================================
"""
