"""The scripted servers of this suite. Add a line for a server, and the name, the address, the certificate and the DNS records are there."""

from malleposte_lab.hosts import EXTENSIONS, Host


def without(*words: str) -> tuple[str, ...]:
    """What a good server offers, less these."""
    return tuple(offer for offer in EXTENSIONS if offer.split()[0] not in words)


ALL_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2")

HOSTS = [
    # TLS: what the server shows
    Host("good.tls"),
    Host("expired.tls", certificate="expired"),
    Host("wrongname.tls", certificate="wrongname"),
    Host("selfsigned.tls", certificate="selfsigned"),
    Host("otherca.tls", certificate="otherca"),
    # TLS: what the server does
    Host("none.tls", certificate="none", starttls="no"),
    Host("refused.tls", starttls="refused"),
    Host("broken.tls", starttls="broken"),
    Host("old.tls", newest_tls="1.2"),
    Host("needs.tls", needs_tls=True),
    Host("asks.tls", asks_certificate="asks"),
    Host("requires.tls", asks_certificate="requires"),
    # DANE
    Host("ee.dane", certificate="selfsigned", tlsa=("3 1 1",)),
    Host("ee-full.dane", certificate="expired", tlsa=("3 0 0",)),
    Host("ee-wrong.dane", tlsa=("3 1 1 wrong",)),
    Host("two.dane", certificate="selfsigned", tlsa=("3 1 1 wrong", "3 1 1")),
    Host("ta.dane", tlsa=("2 0 1",)),
    Host("ta-key.dane", tlsa=("2 1 1",)),
    Host("ta-full.dane", tlsa=("2 0 0",)),
    Host("ta-wrong.dane", tlsa=("2 0 1 wrong",)),
    Host("ta-wrongname.dane", certificate="wrongname", tlsa=("2 0 1",)),
    Host("ta-expired.dane", certificate="expired", tlsa=("2 0 1",)),
    Host("unusable.dane", certificate="selfsigned", tlsa=("0 0 1",)),
    Host("notls.dane", certificate="none", starttls="no", tlsa=("3 1 1 " + "00" * 32,)),
    Host("absent.dane", certificate="selfsigned"),
    Host("servfail.dane", certificate="selfsigned"),
    # MTA-STS
    Host("enforce.sts", sts="enforce"),
    Host("enforce-wrongname.sts", certificate="wrongname", sts="enforce"),
    Host("enforce-selfsigned.sts", certificate="selfsigned", sts="enforce"),
    Host("enforce-notls.sts", certificate="none", starttls="no", sts="enforce"),
    Host("enforce-othermx.sts", sts="enforce other-mx"),
    Host("testing.sts", certificate="selfsigned", sts="testing"),
    Host("testing-notls.sts", certificate="none", starttls="no", sts="testing"),
    Host("badpolicy.sts", certificate="selfsigned", sts="enforce", sts_certificate="selfsigned"),
    Host("both.sts", certificate="selfsigned", sts="enforce", tlsa=("3 1 1",)),
    # login, where the real servers cannot be made to misbehave
    Host("any.login", mechanisms=ALL_MECHANISMS, needs_login=True),
    Host("clear.login", certificate="none", starttls="no", mechanisms=("PLAIN", "LOGIN"), needs_login=True),
    Host("cram.login", certificate="none", starttls="no", mechanisms=("CRAM-MD5",), needs_login=True),
    Host("busy.login", mechanisms=("PLAIN",), needs_login=True, script={"AUTH": "454 4.7.0 Temporary authentication failure"}),
    Host("odd.login", mechanisms=("GSSAPI", "NTLM"), needs_login=True),
    # what a server offers
    Host("ascii.esmtp", extensions=without("8BITMIME", "SMTPUTF8", "DSN")),
    Host("noutf8.esmtp", extensions=without("SMTPUTF8")),
    Host("nodsn.esmtp", extensions=without("DSN")),
    Host("chunking.esmtp", extensions=(*EXTENSIONS, "CHUNKING")),
    Host("small.esmtp", extensions=(*without("SIZE"), "SIZE 2000")),
    Host("plain.esmtp", extensions=()),
    Host("xn--bcher-kva.esmtp", extensions=without("SMTPUTF8")),
    Host("helo.esmtp", script={"EHLO": "502 5.5.1 not implemented"}),
    # servers with trouble
    Host("busy.trouble", script={"greeting": "421 4.3.2 come back later"}),
    Host("no.trouble", script={"greeting": "554 5.3.2 no mail here"}),
    Host("drop.trouble", script={"greeting": "drop"}),
    Host("drop-data.trouble", script={"DATA": "drop"}),
    Host("mail450.trouble", script={"MAIL": "450 4.7.1 not now"}),
    Host("mail550.trouble", script={"MAIL": "550 5.7.1 not you"}),
]
