"""MAIL and RCPT say what the server announced, and no more."""

import pytest

from services.kernel.mail.envelope import Body, Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.client_envelope import Mail, mail_command, rcpt_command, spoken
from services.kernel.smtp.client_extensions import Extensions, parse

EVERYTHING = parse(Reply(250, "", "MX.test hello\nPIPELINING\nsize 1000\n8BITMIME\nSMTPUTF8\nDSN\nCHUNKING\nSTARTTLS\nXTRACE\nAUTH=LOGIN"))
MAIL = Mail("a@b.test", [], 321, Body.EIGHT_BIT_MIME, True, "HDRS", "id=1", "T1/Q1")


def test_all_that_is_announced_is_seen() -> None:
    assert Extensions("mx.test", True, 1000, True, True, True, True, True, True, ("LOGIN",), has_chunking=True) == EVERYTHING


@pytest.mark.parametrize("value", ["SIZE", "SIZE 0", "SIZE=0", "SIZE many", "SIZE -1"])
def test_size_without_a_number_is_no_limit(value: str) -> None:
    extensions = parse(Reply(250, "", f"mx\n{value}"))
    assert (extensions.has_size, extensions.size_bytes) == (True, 0)


def test_parameters_are_left_out_where_the_server_does_not_know_them() -> None:
    assert mail_command(MAIL, Extensions(), is_lmtp=False) == b"MAIL FROM:<a@b.test>\r\n"


def test_mail_has_every_parameter_that_is_announced() -> None:
    expected = b"MAIL FROM:<a@b.test> SIZE=321 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+3D1 XTRACE=T1/Q1\r\n"
    assert mail_command(MAIL, EVERYTHING, is_lmtp=False) == expected


def test_lmtp_keeps_the_duty_to_report_here() -> None:
    assert mail_command(MAIL, EVERYTHING, is_lmtp=True) == b"MAIL FROM:<a@b.test> SIZE=321 BODY=8BITMIME SMTPUTF8 XTRACE=T1/Q1\r\n"
    recipient = Recipient("x@y.test", "x@y.test", "rfc822;x@y.test", "SUCCESS")
    assert rcpt_command(recipient, EVERYTHING, is_lmtp=True) == b"RCPT TO:<x@y.test> ORCPT=rfc822;x@y.test\r\n"


def test_file_of_the_site_is_named_where_there_is_one() -> None:
    assert parse(Reply(250, "", "mda\nXMBOX")).has_xmbox
    assert mail_command(Mail("a@b.test", mbox="lists"), Extensions(has_xmbox=True), is_lmtp=True) == b"MAIL FROM:<a@b.test> XMBOX=lists\r\n"


def test_seven_bit_message_of_the_null_sender_is_bare() -> None:
    assert mail_command(Mail(""), EVERYTHING, is_lmtp=False) == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    ("recipient", "parameters"),
    [
        (Recipient("x@y.test", "x@y.test"), b""),
        (Recipient("x@y.test", ""), b""),
        (Recipient("x@y.test", "x+news@y.test"), b" ORCPT=rfc822;x+2Bnews@y.test"),
        (Recipient("x@y.test", "x@y.test", "rfc822;a@b.test", "FAILURE,DELAY"), b" NOTIFY=FAILURE,DELAY ORCPT=rfc822;a@b.test"),
        (Recipient("x@y.test", "other@y.test", "rfc822;a@b.test"), b" ORCPT=rfc822;a@b.test"),
    ],
)
def test_rcpt_has_its_parameters(recipient: Recipient, parameters: bytes) -> None:
    assert rcpt_command(recipient, EVERYTHING, is_lmtp=False) == b"RCPT TO:<x@y.test>" + parameters + b"\r\n"


def test_original_recipient_that_is_not_ascii_takes_the_form_of_utf_8() -> None:
    recipient = Recipient("x@y.test", "jürgen@y.test")
    assert rcpt_command(recipient, Extensions(has_dsn=True), is_lmtp=True) == b"RCPT TO:<x@y.test> ORCPT=utf-8;j\\x{FC}rgen@y.test\r\n"


IDN = Mail("a@bücher.test", [Recipient("x@münchen.test", "x@münchen.test")])


def test_domain_goes_as_a_labels_where_utf_8_is_not_understood() -> None:
    assert mail_command(IDN, Extensions(), is_lmtp=False) == b"MAIL FROM:<a@xn--bcher-kva.test>\r\n"
    assert rcpt_command(IDN.recipients[0], Extensions(), is_lmtp=False) == b"RCPT TO:<x@xn--mnchen-3ya.test>\r\n"


def test_addresses_in_utf_8_say_so_whatever_the_client_said() -> None:
    peer = Extensions(has_smtputf8=True)
    assert mail_command(IDN, peer, is_lmtp=False) == "MAIL FROM:<a@bücher.test> SMTPUTF8\r\n".encode()
    assert mail_command(Mail("a@b.test", IDN.recipients), peer, is_lmtp=False) == b"MAIL FROM:<a@b.test> SMTPUTF8\r\n"


def test_local_part_has_no_other_form() -> None:
    assert spoken("jürgen@b.test", Extensions()) == "jürgen@b.test"
