"""``vacation`` (RFC 5230): who is answered, with what, and who never."""

import pytest

from services.kernel.sieve.actions import Keep, Store, Vacation
from services.kernel.sieve.delivery import Envelope
from services.kernel.sieve.limits import Limits, Policy
from tests.unit.kernel.sieve.scripts import ENVELOPE, flaws, judge

REQUIRE = 'require ["vacation", "vacation-seconds", "variables", "fcc", "mailbox", "imap4flags"];'
HEAD = b"From: Bob B <bob@world.test>\r\nTo: alice@example.test\r\n"


def answer(script: str, message: bytes = HEAD + b"\r\n", envelope: Envelope = ENVELOPE, **more: object) -> Vacation | None:
    result = judge(REQUIRE + script, message=message, envelope=envelope, **more)  # type: ignore[arg-type]  # passed through
    assert result.error is None and isinstance(result.actions[-1], Keep)
    return next((action for action in result.actions if isinstance(action, Vacation)), None)


def test_answer_says_what_it_needs() -> None:
    message = HEAD + b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <3@x>\r\nReferences: <1@x>\r\n <2@x>\r\n\r\n"
    found = answer('vacation "Away";', message)
    assert found is not None
    assert (found.reason, found.subject, found.recipient, found.sender) == ("Away", "Auto: Grüße", "bob@world.test", "alice@example.test")
    assert (found.message_id, found.references, found.to) == ("<3@x>", "<1@x> <2@x> <3@x>", '"Bob B" <bob@world.test>')
    assert found.addressee == "alice@example.test"
    assert (found.seconds, found.is_mime, len(found.handle)) == (604_800, False, 64)


@pytest.mark.parametrize(
    ("field", "to"),
    [
        (b"From: bob@world.test", "<bob@world.test>"),
        (b'From: "B \\" B" <bob@world.test>', '"B \\" B" <bob@world.test>'),
        (b"From: =?utf-8?q?x=40y=2C_=C3=A9=0D=0ABcc=3A?= <bob@world.test>", '"x@y, é Bcc:" <bob@world.test>'),
        (b"From: Al <al@x.test>\r\nSender: Bob <BOB@world.test>", '"Bob" <bob@world.test>'),
        (b"From: Al <al@x.test>", "<bob@world.test>"),
    ],
)
def test_sender_is_named_as_the_message_names_him(field: bytes, to: str) -> None:
    found = answer('vacation "R";', b"To: alice@example.test\r\n" + field + b"\r\n\r\n")
    assert found is not None and found.to == to


def test_script_chooses() -> None:
    found = answer('vacation :subject "S =?utf-8?q?=C3=A9?=" :from "Al <al@example.test>" :days 3 :mime :fcc "Sent" :create :flags "\\\\Seen" "R";')
    assert found is not None
    assert (found.subject, found.sender, found.seconds, found.is_mime) == ("S é", "Al <al@example.test>", 259_200, True)
    assert found.fcc == Store("Sent", ("\\Seen",), create=True)


@pytest.mark.parametrize(
    ("period", "seconds"),
    [(":days 0", 86_400), (":days 90", 7_776_000), (":days 1000", 31_536_000), (":seconds 10", 86_400), (f":seconds {1 << 60}", 31_536_000)],
)
def test_period_stays_within_the_limits(period: str, seconds: int) -> None:
    found = answer(f'vacation {period} "R";')
    assert found is not None and found.seconds == seconds


def test_site_may_allow_short_periods() -> None:
    found = answer('vacation :seconds 0 "R";', limits=Limits(vacation_least_seconds=0))
    assert found is not None and found.seconds == 0


def test_site_sets_the_usual_period_and_may_set_no_longest() -> None:
    limits = Limits(vacation_usual_seconds=100_000, vacation_most_seconds=0)
    usual, long = answer('vacation "R";', limits=limits), answer('vacation :days 1000 "R";', limits=limits)
    assert usual is not None and long is not None
    assert (usual.seconds, long.seconds) == (100_000, 86_400_000)


@pytest.mark.parametrize(
    ("template", "field", "subject"),
    [
        ("Absent : %$", b"Subject: Caf\xc3\xa9\r\n", "Absent : Café"),
        ("%{subject} (away)", b"Subject: a %$\r\n b\r\n", "a %$ b (away)"),
        ("Away", b"Subject: a\r\n", "Away"),
        ("%$", b"Subject:\r\n", "Nobody here"),
        ("Absent : %$", b"", "Nobody here"),
    ],
)
def test_site_words_the_subject(template: str, field: bytes, subject: str) -> None:
    policy = Policy(vacation_subject="Nobody here", vacation_subject_template=template)
    found = answer('vacation "R";', HEAD + field + b"\r\n", limits=Limits(policy=policy))
    assert found is not None and found.subject == subject


def test_site_sets_the_length_of_a_subject() -> None:
    found = answer('vacation :subject "0123456789" "R";', limits=Limits(vacation_subject_characters=8))
    assert found is not None and found.subject == "0123456…"


@pytest.mark.parametrize(("takes_original", "sender"), [(True, "sales@example.test"), (False, None)])
def test_recipient_before_aliases_is_the_users_where_the_site_says_so(takes_original: bool, sender: str | None) -> None:
    envelope = Envelope("bob@world.test", "alice@example.test", "sales@example.test")
    found = answer('vacation "R";', b"To: sales@example.test\r\n\r\n", envelope, limits=Limits(policy=Policy(vacation_takes_original=takes_original)))
    assert (found and found.sender) == sender


def test_alias_is_not_answered_by_the_user_behind_it() -> None:
    envelope = Envelope("sales@example.test", "alice@example.test", "sales@example.test")
    assert answer('vacation "R";', HEAD + b"\r\n", envelope, limits=Limits(policy=Policy(vacation_takes_original=True))) is None


def test_site_may_answer_what_is_not_written_to_the_user() -> None:
    limits = Limits(policy=Policy(vacation_wants_recipient=False))
    found = answer('vacation "R";', b"To: all@example.test\r\n\r\n", limits=limits)
    assert found is not None and found.sender == ""
    assert answer('vacation "R";', b"List-Id: <l.x.test>\r\n\r\n", limits=limits) is None


@pytest.mark.parametrize(
    ("fields", "to"),
    [
        (b"From: Al <al@x.test>\r\nSender: Bo <bo@x.test>\r\n", '"Bo" <bo@x.test>'),
        (b"From: al@x.test\r\n", "<al@x.test>"),
        (b"From: nobody\r\n", "<srs0=x=y@forward.test>"),
        (b"From: al@x.test, bo@x.test\r\n", "<srs0=x=y@forward.test>"),
    ],
)
def test_answer_is_addressed_by_the_header_where_the_site_trusts_it(fields: bytes, to: str) -> None:
    envelope = Envelope("srs0=x=y@forward.test", "alice@example.test")
    message = b"To: alice@example.test\r\n" + fields + b"\r\n"
    found = answer('vacation "R";', message, envelope, limits=Limits(policy=Policy(vacation_trusts_header=True)))
    assert found is not None and (found.to, found.recipient) == (to, "srs0=x=y@forward.test")


def test_sender_is_answered_once_though_each_answer_has_his_words_in_it() -> None:
    script = 'if header :matches "subject" "*" { set "s" "${1}"; } vacation :subject "Re: ${s}" "I shall read ${s} soon";'
    first, second = (answer(script, HEAD + b"Subject: " + words + b"\r\n\r\n") for words in (b"one", b"two"))
    assert first is not None and second is not None
    assert first.reason != second.reason and first.handle == second.handle


@pytest.mark.parametrize("name", [b"List-Id", b"Precedence", b"X-Autoreply"])
def test_script_cannot_make_a_list_look_like_a_person(name: bytes) -> None:
    script = f'require "editheader"; {REQUIRE} deleteheader "{name.decode()}"; vacation "R";'
    result = judge(script, message=HEAD + name + b": bulk\r\n\r\n")
    assert result.error is None and not any(isinstance(action, Vacation) for action in result.actions)


def test_field_that_a_script_adds_keeps_an_answer_back() -> None:
    result = judge(f'require "editheader"; {REQUIRE} addheader "Precedence" "bulk"; vacation "R";', message=HEAD + b"\r\n")
    assert not any(isinstance(action, Vacation) for action in result.actions)


def test_handle_tells_answers_apart() -> None:
    handles = [
        getattr(answer(f"vacation {words};"), "handle", "") for words in ('"a"', '"b"', ':subject "s" "a"', ':handle "h" "a"', ':handle "h" "b"')
    ]
    assert len(set(handles)) == 4 and handles[3] == handles[4]


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "alice@example.test",
        "Alice+detail@example.test",
        "MAILER-DAEMON@world.test",
        "owner-list@world.test",
        "list-request@world.test",
        "list-bounces@world.test",
        "noreply@world.test",
        "majordomo@world.test",
        "bob",
        "mail@alias.test",
    ],
)
def test_nobody_is_answered_who_is_no_person(sender: str) -> None:
    assert answer('vacation "R";', envelope=Envelope(sender, "alice@example.test"), addresses=["mail@alias.test"]) is None


@pytest.mark.parametrize(
    "field",
    [
        b"List-Id: <l.x.test>",
        b"List-Unsubscribe: <mailto:x@y>",
        b"Precedence: bulk",
        b"Precedence: List",
        b"Auto-Submitted: auto-replied",
        b"Auto-Submitted: yes; x=y",
        b"X-Autorespond: holidays",
        b"Precedence: auto_reply",
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
        b"X-Auto-Response-Suppress: DR, OOF",
    ],
)
def test_no_answer_to_lists_and_machines(field: bytes) -> None:
    assert answer('vacation "R";', HEAD + field + b"\r\n\r\n") is None


@pytest.mark.parametrize(
    "field",
    [
        b"Auto-Submitted: no",
        b"X-Autoreply: no",
        b"Precedence: normal",
        b"X-Auto-Response-Suppress: None",
        b"Content-Type: multipart/mixed",
    ],
)
def test_field_that_says_nothing_forbids_nothing(field: bytes) -> None:
    assert answer('vacation "R";', HEAD + field + b"\r\n\r\n") is not None


@pytest.mark.parametrize(
    ("field", "is_answered"),
    [
        (b"To: alice@example.test", True),
        (b"Cc: x@y.test, Al <Alice@Example.Test>", True),
        (b"Resent-To: alice+tag@example.test", True),
        (b"Bcc: mail@alias.test", True),
        (b"To: other@name.test", True),
        (b"To: all@example.test", False),
        (b"X-To: alice@example.test", False),
    ],
)
def test_message_must_be_written_to_the_user(field: bytes, is_answered: bool) -> None:
    envelope = Envelope("bob@world.test", "alice+tag@example.test")
    found = answer('vacation :addresses "other@name.test" "R";', field + b"\r\n\r\n", envelope, addresses=["mail@alias.test"])
    assert (found is not None) is is_answered


def test_trace_says_why_there_is_no_answer() -> None:
    result = judge(REQUIRE + 'vacation "R";', message=HEAD + b"List-Id: x\r\n\r\n", traced=True)
    assert "vacation: no answer, the message comes from a list (list-id)" in [step.text for step in result.trace]


def test_long_subject_is_cut() -> None:
    found = answer('vacation "R";', HEAD + b"Subject: " + b"x" * 5000 + b"\r\n\r\n")
    assert found is not None and len(found.subject) == 256 and found.subject.endswith("…")


def test_subject_cannot_bring_fields() -> None:
    found = answer('vacation :subject "a\r\nBcc: x@y.test" "R";')
    assert found is not None and found.subject == "a Bcc: x@y.test"


def test_sender_that_is_no_address_is_refused() -> None:
    assert any("is not an address that an answer can come from" in flaw for flaw in flaws(REQUIRE + 'vacation :from "x" "R";'))
