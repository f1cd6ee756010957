"""verify: does this address take mail?

smtpd asks over the verdict hop before it accepts a recipient or a sender; admin looks into the cache and changes it. verify routes the address as a
message would be routed, asks relay for a probe (the real way, up to RCPT), and remembers the answer.

::

    ask -> directions: aliases, directory, tables --- decided there ---------------------------> verdict
              |                                                                                    ^
              `-> cache: fresh? ---------- yes; when due, a refresh begins behind it --------------'
                    `-> prober: one probe an address; places, rate, sites that do not answer -> relay -> cache

An address in the cache is *deliverable*, *undeliverable* or *unknown* (a probe that found nothing out). ``record`` has Postfix's four numbers as
pure functions: from its refresh time on a verdict is still given while a new probe runs, from its expiry on it is nothing. What a probe
finds replaces what was known, but a known good address stays good until it expires (optimistic caching, as Postfix says of
``address_verify_positive_refresh_time``): a primary that is down or misconfigured for a day makes no good address bad.

Owns the cache, an SQLite file on a volume of its own. It is a cache: one that cannot be read is put aside and begun anew, and a disk that fails
costs memory of answers, never an answer. A stranger can name any address, so everything is bounded: entries, probes at a time in all and at one
next hop, probes a second, probes that wait. A next hop that could not be reached is left alone for a while, so that nobody waits for it.

Refuses every decision about a message: what an unknown address means is smtpd's to decide. Asks no server itself.

Two doors: smtpd's is a Unix socket in a volume of the two, where nothing but ``Ask`` is understood, so that the program that faces the world
needs no network inside and cannot change the cache; the operator's is on the core network.

Two sites that verify each other's senders do not go round in circles: smtpd verifies no sender whose name says that it sends probes or reports,
and nobody is verified here who writes to the sender of our probes.
"""
