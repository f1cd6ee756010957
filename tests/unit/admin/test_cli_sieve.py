"""malle sieve: errors of scripts with their places, and what a script would do with a message."""

import json
from pathlib import Path

import pytest

from tests.unit.admin.conftest import Malle

SCRIPT = """\
require ["fileinto", "vacation", "include", "duplicate", "mailbox", "special-use", "editheader"];
if header :contains "x-spam" "yes" {
  fileinto :create "Junk";
} elsif anyof (address "from" "carol@world.test", duplicate) {
  discard;
} elsif allof (mailboxexists "Lists", specialuse_exists "\\\\Archive") {
  include "more";
} elsif size :over 100K {
  addheader "X-Big" "yes";
} else {
  vacation :days 3 "Away.";
}
"""
MAIL = "Return-Path: <{sender}>\r\nFrom: Bob <bob@world.test>\r\nTo: alice@example.test\r\nMessage-ID: <1@x>\r\nSubject: Hi\r\n{more}\r\nText\r\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "more.sieve").write_text('require "fileinto";\nfileinto "More";\n')
    path = tmp_path / "mine.sieve"
    path.write_text(SCRIPT)
    return path


def mail(sender: str = "bob@world.test", more: str = "") -> str:
    return MAIL.format(sender=sender, more=more)


def test_good_script_passes_silently(malle: Malle, script: Path) -> None:
    done = malle("sieve", "check", str(script))
    assert (done.status, done.out, done.err) == (0, "", "")


def test_each_error_has_file_line_and_column(malle: Malle, script: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.sieve").write_text('keep;\nfileinto "A";\nif frop { stop }')
    done = malle("sieve", "check", str(script), str(tmp_path / "bad.sieve"), "-", stdin="stop 1;")
    assert done.status == 1
    assert done.out.splitlines() == [
        f"{tmp_path}/bad.sieve:3:16: ';' or a block is expected after the stop command, not '}}'",
        "-:1:6: encountered an unexpected number argument while no more is expected by the stop command",
    ]


def test_errors_in_included_scripts_are_told_with_their_file(malle: Malle, script: Path) -> None:
    (script.parent / "more.sieve").write_text("keep;\nfrop;\n")
    assert malle("sieve", "check", str(script)).out.splitlines() == [
        f"{script.parent}/more.sieve:2:1: unknown command 'frop'",
        f"{script}:7:3: included personal script 'more' has errors",
    ]


def test_check_prints_json(malle: Malle) -> None:
    done = malle("sieve", "check", "-", "--json", stdin='fileinto "A";')
    message = "unknown command 'fileinto' (it needs 'require \"fileinto\"')"
    assert (done.status, json.loads(done.out)) == (1, [{"file": "-", "line": 1, "column": 1, "message": message}])


def test_what_the_site_forbids_is_an_error(malle: Malle, folder: Path, script: Path) -> None:
    with (folder / "malleposte.yaml").open("a") as file:
        file.write("sieve: {forbidden_extensions: [vacation]}\n")
    done = malle("sieve", "check", str(script))
    assert (done.status, done.out.splitlines()[0]) == (1, f"{script}:1:22: require: unknown Sieve capability 'vacation'")


def test_test_shows_the_rule_that_matched_and_what_would_happen(malle: Malle, script: Path) -> None:
    done = malle("sieve", "test", str(script), "-", stdin=mail(more="X-Spam: yes\r\n"))
    assert done.status == 0
    assert done.out.splitlines() == [
        "from <bob@world.test> to <alice@example.test>",
        "mine.sieve:",
        '    2  header :contains "x-spam" "yes" -> yes',
        '    3    fileinto :create "Junk"',
        "what would happen:",
        "  store in Junk, which is made if it is missing",
    ]


@pytest.mark.parametrize(
    ("options", "content", "expected"),
    [
        ([], mail(), ["  answer bob@world.test, once in 3d, as alice@example.test: Auto: Hi / Away.", "  keep in INBOX, as no rule says otherwise"]),
        (["--from", ""], mail(), ["  keep in INBOX, as no rule says otherwise"]),
        (["--to", "other@example.test"], mail(), ["  keep in INBOX, as no rule says otherwise"]),
        (["--seen"], mail(), ["  drop the message"]),
        (["--mailbox", "Lists", "--special-use", r"\Archive=Old"], mail(), ["  store in More"]),
    ],
)
def test_circumstances_are_given_by_options(malle: Malle, script: Path, options: list[str], content: str, expected: list[str]) -> None:
    done = malle("sieve", "test", str(script), "-", *options, stdin=content)
    told = done.out.splitlines()
    found = told[told.index("what would happen:") + 1 :]
    assert [line for line in found if "was seen" not in line] == expected


def test_scripts_of_the_site_run_before_and_after(malle: Malle, script: Path, tmp_path: Path) -> None:
    (tmp_path / "first.sieve").write_text('require "copy"; redirect :copy "archive@example.test";')
    (tmp_path / "last.sieve").write_text('require "fileinto"; fileinto "Rest";')
    options = ["--before", str(tmp_path / "first.sieve"), "--after", str(tmp_path / "last.sieve"), "--from", ""]
    done = malle("sieve", "test", str(script), "-", *options, stdin=mail())
    assert [line for line in done.out.splitlines() if line.startswith("  ") and line[2] != " "][:2] == [
        "  send on to archive@example.test",
        "  store in Rest",
    ]


def test_annotations_are_given_by_options(malle: Malle, tmp_path: Path) -> None:
    test = 'allof (metadata "INBOX" "/private/Comment" "x", servermetadataexists "/shared/admin")'
    (tmp_path / "a.sieve").write_text(f'require ["mboxmetadata", "servermetadata"];\nif {test} {{ discard; }}')
    options = ["--annotation", "INBOX:/private/comment=x", "--annotation", ":/shared/admin=y"]
    assert malle("sieve", "test", str(tmp_path / "a.sieve"), "-", *options, stdin=mail()).out.endswith("\n  drop the message\n")
    assert malle("sieve", "test", str(tmp_path / "a.sieve"), "-", stdin=mail()).out.endswith("as no rule says otherwise\n")
    assert malle("sieve", "test", str(tmp_path / "a.sieve"), "-", "--annotation", "x", stdin=mail()).status == 2


def test_edited_header_is_shown(malle: Malle, script: Path) -> None:
    done = malle("sieve", "test", str(script), "-", stdin=mail() + "x" * 110_000)
    assert "      X-Big: yes" in done.out.splitlines()


def test_script_that_fails_says_where_and_keeps_the_message(malle: Malle, tmp_path: Path) -> None:
    (tmp_path / "a.sieve").write_text('require "include";\ninclude "gone";\n')
    done = malle("sieve", "test", str(tmp_path / "a.sieve"), "-", stdin=mail())
    assert done.status == 1
    assert "failed: a.sieve: line 2: included personal script 'gone' does not exist" in done.out
    assert done.out.endswith("  keep in INBOX, as no rule says otherwise\n")


def test_script_with_errors_is_not_run(malle: Malle, tmp_path: Path) -> None:
    (tmp_path / "a.sieve").write_text("frop;\n")
    done = malle("sieve", "test", str(tmp_path / "a.sieve"), "-", stdin=mail())
    assert (done.status, done.out, done.err) == (1, "", f"{tmp_path}/a.sieve:1:1: unknown command 'frop'\n")


def test_test_prints_json(malle: Malle, script: Path) -> None:
    done = malle("sieve", "test", str(script), "-", "--json", stdin=mail(more="X-Spam: yes\r\n"))
    told = json.loads(done.out)
    assert (told["envelope"], told["error"]) == ({"from": "bob@world.test", "to": "alice@example.test"}, None)
    assert (told["actions"][0]["action"], told["actions"][0]["folder"]) == ("fileinto", "Junk")
    assert told["trace"][0] == {"script": "mine.sieve", "line": 2, "depth": 0, "text": 'header :contains "x-spam" "yes"', "outcome": True}


def test_file_that_is_not_there_is_one_clear_line(malle: Malle) -> None:
    done = malle("sieve", "check", "/none.sieve")
    assert (done.status, done.err) == (1, "malle: [Errno 2] No such file or directory: '/none.sieve'\n")
