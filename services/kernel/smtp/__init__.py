"""SMTP and LMTP as protocols, both sides.

Holds the server (``server`` listens, ``session`` speaks with one client, ``handler`` is what a service plugs in) and the client engine (``client``,
``client_sasl``, ``connection``), which keeps what was said for the case that it goes wrong (``dialogue``) and sends content as it lies in a file
(``client_content``) or otherwise (``client_rendition``). The server side is an aiosmtpd session with its own input, DATA and BDAT readers and
address parser. A client's TLS is a value for what a session must prove (``tls_policy``), the handshake (``client_tls``) and the proof
(``certificates``). Refuses every decision about mail: who may send, which recipient exists, where a message goes or is kept, what a failed delivery
means. It reads the clock for time limits and the validity of certificates only, and knows no configuration: a service passes ``Rules`` in.
"""
