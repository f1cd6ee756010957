"""The macros of argv (pipe(8), COMMAND ATTRIBUTE SYNTAX)."""

import pytest

from services.kernel.mail.envelope import Client, Recipient
from services.kernel.wire.delivery import DeliveryRequest, NextHop, Protocol
from services.pipe.recipe import Manner, command_line

JANE = Recipient("Jane+News@Example.COM", "Alias@example.org")
KIM = Recipient('"kim k"@example.net', "kim@example.net")


def _request(sender: str = "s@world.test", nexthop: str = "Lists.Example") -> DeliveryRequest:
    client = Client(address="192.0.2.7", name="c.world.test", helo="helo.world.test", login="joe", protocol="ESMTPSA")
    return DeliveryRequest(
        "QID1", "t", sender, NextHop(Protocol.PIPE, nexthop, transport="lists"), [0, 1], [JANE, KIM], 4711, client=client, envid="e1"
    )


def _line(*argv: str, flags: str = "", sender: str = "s@world.test", null: str = "MAILER-DAEMON", delimiter: str = "+") -> list[str]:
    return command_line(argv, _request(sender), [JANE, KIM], Manner(flags, null, delimiter))


def test_argument_that_speaks_of_a_recipient_stands_there_once_for_each() -> None:
    assert _line("cmd", "-f", "$sender", "--", "to=${recipient}") == [
        "cmd", "-f", "s@world.test", "--", "to=Jane+News@Example.COM", "to=kim k@example.net",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("${user}", ["Jane", "kim k"]),
        ("${extension}", ["News", ""]),
        ("${mailbox}", ["Jane+News", "kim k"]),
        ("${domain}", ["Example.COM", "example.net"]),
        ("$(original_recipient)", ["Alias@example.org", "kim@example.net"]),
        ("${nexthop}", ["Lists.Example"]),
        ("$queue_id/${size}", ["QID1/4711"]),
        ("${client_address} $client_helo ${client_hostname} ${client_protocol}", ["192.0.2.7 helo.world.test c.world.test ESMTPSA"]),
        ("${sasl_username}", ["joe"]),
        ("${envid}", ["e1"]),
        ("$$recipient", ["$recipient"]),
    ],
)
def test_macro_has_its_value(argument: str, values: list[str]) -> None:
    assert _line("cmd", argument) == ["cmd", *values]


def test_user_is_whole_without_a_recipient_delimiter() -> None:
    assert _line("cmd", "${user}", delimiter="") == ["cmd", "Jane+News", "kim k"]


def test_flags_h_and_u_fold_the_two_sides() -> None:
    assert _line("c", "$recipient", flags="h")[1] == "Jane+News@example.com"
    assert _line("c", "$recipient", flags="u")[1] == "jane+news@Example.COM"
    assert _line("c", "$nexthop", "${domain}", flags="h") == ["c", "lists.example", "example.com", "example.net"]
    assert _line("c", "$user", flags="u")[1] == "jane"


def test_flag_q_quotes_what_needs_it() -> None:
    assert _line("c", "$recipient", flags="q")[1:] == ["Jane+News@Example.COM", '"kim k"@example.net']


def test_null_sender_is_mailer_daemon_or_what_the_transport_says() -> None:
    assert _line("c", "$sender", sender="") == ["c", "MAILER-DAEMON"]
    assert _line("c", "$sender", sender="", null="") == ["c", ""]


def test_value_is_never_expanded_again() -> None:
    assert _line("c", "$sender", sender="$recipient@x.test") == ["c", "$recipient@x.test"]
