"""SMTP and LMTP as protocols, both sides.

Holds the server (``server`` listens, ``session`` speaks with one client, ``handler`` is what a service plugs in) and the client engine
(``client``, ``connection``). The server side is an aiosmtpd session with its own input, DATA and BDAT readers and address parser.
Refuses every decision about mail: who may send, which recipient exists, where a message goes or is kept, what a failed delivery means. It reads
the clock for time limits only, and knows no configuration: a service passes ``Rules`` in.
"""
