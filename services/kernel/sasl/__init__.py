"""Signing in to a server (SASL, RFC 4422): one implementation for every protocol that has a login.

Holds the mechanisms as a server speaks them (``mechanisms``, ``scram``, ``bearer``), what they are bound to under TLS (``binding``), the check
of a bearer token with its issuer (``introspection``), and the ``sasl`` section of the configuration. Refuses the wire: base64, ``*`` for giving up,
the limits on attempts and the words of replies are the protocol's own. Passwords and keys are the directory's.

``Sasl`` is made once a process. A login is an ``Exchange``: each response of the client goes in, and ``Challenge``, ``SignedIn`` or ``Refused``
comes out, until one of the latter two. What cannot be checked now raises ``DirectoryTrouble``: temporary, never a refusal.

::

    PLAIN  LOGIN                          the password itself; argon2id in the directory
    SCRAM-SHA-256  SCRAM-SHA-256-PLUS     keys in the directory, made when a password is set; PLUS binds the login to the TLS connection
    OAUTHBEARER  XOAUTH2                  a token that the issuer is asked about (RFC 7662)

A stranger learns nothing of who has an account, or keys: an unknown user gets a salt that stays the same, and a refusal at the same place. Clients
take the strongest mechanism on offer and many know no way back, so SCRAM is offered only once every account with a password has keys.
"""

from services.kernel.sasl.config import SaslSettings
from services.kernel.sasl.exchange import Challenge, Exchange, Refused, SignedIn, Why
from services.kernel.sasl.offer import Sasl

__all__ = ["Challenge", "Exchange", "Refused", "Sasl", "SaslSettings", "SignedIn", "Why"]
