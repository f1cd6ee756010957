"""Messages for the tests."""

HELLO = b"From: Ann <ann@world.test>\r\nTo: alice@example.test\r\nSubject: hello\r\nDate: Mon, 3 Feb 2025 10:00:00 +0200\r\n\r\nhello world\r\n"

MIXED = b"\r\n".join(
    (
        b"From: ann@world.test",
        b"Subject: =?utf-8?B?w4lwcmV1dmU=?=",
        b"Content-Type: multipart/mixed; boundary=x",
        b"",
        b"preamble",
        b"--x",
        b"Content-Type: text/plain; charset=iso-8859-1",
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        b"caf=E9",
        b"--x",
        b"Content-Type: message/rfc822",
        b"",
        b"Subject: inner",
        b"",
        b"inside",
        b"--x",
        b"Content-Type: application/octet-stream",
        b"Content-Transfer-Encoding: base64",
        b"",
        b"c2VjcmV0",
        b"--x--",
        b"",
    )
)
