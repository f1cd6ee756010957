"""The dialogue as a client has it, over a socket."""

import base64
import shutil
import socket

import pytest

from services.admin.directory import DirectoryWriter
from services.kernel.directory.config import DirectorySettings
from services.kernel.sasl.scram import derive
from services.kernel.smtp.client_mechanisms import Scram
from tests.unit.managesieve.conftest import ALICE, PASSWORD, Running

BROKEN = 'fileinto "a";\r\nkeep;\r\n  nonsense;\r\nredirect "no address";\r\n'


def plain(login: str, password: str) -> str:
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def test_greeting_names_no_way_to_sign_in_before_tls(managesieve: Running) -> None:
    with managesieve.client() as client:
        greeting = client.read()
        assert greeting[0] == '"IMPLEMENTATION" "Malleposte"'
        assert {'"SASL" ""', '"STARTTLS"', '"NOTIFY" "mailto"', '"MAXREDIRECTS" "4"', '"VERSION" "1.0"'} <= set(greeting)
        assert greeting[-1] == 'OK "ManageSieve ready"'
        assert client.say(f'AUTHENTICATE "PLAIN" "{plain("alice@example.test", "correct horse")}"') == [
            'NO (ENCRYPT-NEEDED) "begin TLS with STARTTLS first"'
        ]
        after = client.start_tls()
        assert '"SASL" "PLAIN LOGIN"' in after
        assert '"STARTTLS"' not in after


def test_extensions_that_the_site_forbids_are_not_named(managesieve: Running) -> None:
    with managesieve.client() as client:
        (sieve,) = [line for line in client.read() if line.startswith('"SIEVE"')]
        assert "fileinto" in sieve and "vacation" in sieve and "editheader" not in sieve


def test_what_was_sent_in_the_clear_behind_starttls_is_thrown_away(managesieve: Running) -> None:
    with managesieve.client() as client:
        client.read()
        client.send('STARTTLS\r\nNOOP "planted"\r\n')
        assert client.line() == 'OK "begin TLS"\r\n'
        client._reader.close()
        client.connection = managesieve.client_tls.wrap_socket(client.connection, server_hostname="localhost")
        client._reader = client.connection.makefile("rb")
        assert client.read()[-1] == 'OK "TLS is on"'
        assert client.say('NOOP "mine"') == ['OK (TAG "mine") "done"']


def test_life_of_a_script(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        assert client.say('HAVESPACE "main" 100') == ['OK "there is room"']
        assert client.say('PUTSCRIPT "main" {7+}\r\nkeep;\r\n') == ['OK "the script is stored"']
        assert client.say('PUTSCRIPT "other" "stop;"') == ['OK "the script is stored"']
        assert client.say('SETACTIVE "main"') == ['OK "the script is active"']
        assert client.say("LISTSCRIPTS") == ['"main" ACTIVE', '"other"', 'OK "these are all"']
        assert client.say('GETSCRIPT "main"') == ["{7}", "keep;", "", 'OK "this is all of it"']
        assert client.say('DELETESCRIPT "main"') == ["NO (ACTIVE) \"'main' is the active script\""]
        assert client.say('RENAMESCRIPT "main" "other"') == ["NO (ALREADYEXISTS) \"there is a script 'other' already\""]
        assert client.say('RENAMESCRIPT "main" "new"') == ['OK "renamed"']
        assert client.say('SETACTIVE ""') == ['OK "no script is active"']
        assert client.say('DELETESCRIPT "new"') == ['OK "deleted"']
        assert client.say("LISTSCRIPTS") == ['"other"', 'OK "these are all"']
        assert client.say('SETACTIVE "new"') == ["NO (NONEXISTENT) \"there is no script 'new'\""]
    assert (managesieve.home / "sieve" / "other.sieve").read_bytes() == b"stop;"


@pytest.mark.parametrize("command", ['PUTSCRIPT "main" ', "CHECKSCRIPT "])
def test_errors_of_a_script_come_with_line_and_column_all_at_once(managesieve: Running, command: str) -> None:
    with managesieve.signed_in() as client:
        reply = client.say(f"{command}{{{len(BROKEN)}+}}\r\n{BROKEN}")
        assert reply[0].startswith("NO {")
        places = [fault.partition(":")[0] for fault in reply[1].splitlines()]
        assert places[:2] == ["line 1, column 1", "line 3, column 3"] and places[2].startswith("line 4, column ")
        assert client.say("LISTSCRIPTS") == ['OK "these are all"']
        assert client.say('CHECKSCRIPT "keep;"') == ['OK "the script has no errors"']


def test_included_script_that_is_missing_or_has_errors_is_a_warning(managesieve: Running) -> None:
    (managesieve.root / "broken.sieve").write_text("nonsense;")
    source = 'require "include";\r\ninclude "mine";\r\ninclude :global "broken";\r\n'
    with managesieve.signed_in() as client:
        reply = client.say(f'PUTSCRIPT "main" {{{len(source)}+}}\r\n{source}')
        assert reply[0].startswith("OK (WARNINGS) {")
        assert reply[1].splitlines() == [
            "line 2, column 1: included personal script 'mine' does not exist",
            "broken: line 1, column 1: unknown command 'nonsense'",
            "line 3, column 1: included global script 'broken' has errors",
        ]
        client.say('PUTSCRIPT "mine" "keep;"')
        (managesieve.root / "broken.sieve").write_text("keep;")
        assert client.say(f"CHECKSCRIPT {{{len(source)}+}}\r\n{source}") == ['OK "the script has no errors"']


def test_script_that_uses_what_the_site_forbids_is_refused(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        script = 'require "editheader";'
        assert "editheader" in client.say(f"CHECKSCRIPT {{{len(script)}+}}\r\n{script}")[-1]


def test_script_that_was_put_there_with_errors_cannot_be_made_active(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        client.say('PUTSCRIPT "main" "keep;"')
        (managesieve.home / "sieve" / "main.sieve").write_text("nonsense")
        assert client.say('SETACTIVE "main"')[0].startswith("NO")
        assert client.say("LISTSCRIPTS") == ['"main"', 'OK "these are all"']


def test_limits_are_told_by_their_codes_and_before_the_compiler(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        for name in "abc":
            client.say(f'PUTSCRIPT "{name}" "keep;"')
        assert client.say('PUTSCRIPT "d" "keep;"')[0].startswith("NO (QUOTA/MAXSCRIPTS)")
        assert client.say('HAVESPACE "a" 2001')[0].startswith("NO (QUOTA/MAXSIZE)")
        large = "#" * 2001
        assert client.say(f'PUTSCRIPT "a" {{2001+}}\r\n{large}')[0].startswith("NO (QUOTA/MAXSIZE)")
        assert client.say('PUTSCRIPT "a/b" "keep;"')[0].startswith("NO ")


def test_literal_that_is_too_long_is_read_and_the_session_goes_on(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        assert client.say(f'PUTSCRIPT "a" {{200000+}}\r\n{"x" * 200_000}') == ['NO (QUOTA/MAXSIZE) "the string is too long"']
        assert client.say("NOOP") == ['OK "done"']


def test_literal_beyond_all_reason_ends_the_session(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        assert client.say('PUTSCRIPT "a" {4000000000+}') == ['BYE "the string is too long"']
        assert client.line() == ""


def test_stranger_can_send_no_script(managesieve: Running) -> None:
    with managesieve.encrypted() as client:
        assert client.say("CHECKSCRIPT {5+}\r\nkeep;") == ['NO "sign in first"']
        assert client.say("LISTSCRIPTS") == ['NO "sign in first"']
        assert client.say(f"CHECKSCRIPT {{20000+}}\r\n{'x' * 20_000}")[0].startswith("NO (QUOTA/MAXSIZE)")
        assert client.say("CHECKSCRIPT {100000+}") == ['BYE "the string is too long"']


def test_sign_in_by_challenges(managesieve: Running) -> None:
    with managesieve.encrypted() as client:
        client.send('AUTHENTICATE "PLAIN"\r\n')
        assert client.line() == '""\r\n'
        response = plain("alice@example.test", "correct horse")
        assert client.say(f"{{{len(response)}+}}\r\n{response}") == ['OK "signed in"']
        assert '"OWNER" "alice@example.test"' in client.say("CAPABILITY")
    (login,) = managesieve.events("login")
    assert (login["login"], login["client"]) == ("alice@example.test", "127.0.0.1")


def test_sign_in_by_scram_proves_the_server(managesieve: Running) -> None:
    writer = DirectoryWriter(DirectorySettings.model_validate({"url": f"sqlite:///{managesieve.root}/directory.sqlite"}))
    writer.set_scram(ALICE, derive(PASSWORD, iterations=4096).text())
    writer.close()
    mechanism = Scram("sha256", (ALICE, PASSWORD))
    with managesieve.client() as client:
        client.read()
        assert '"SASL" "SCRAM-SHA-256 PLAIN LOGIN"' in client.start_tls()
        client.send(f'AUTHENTICATE "SCRAM-SHA-256" "{base64.b64encode(mechanism.begin() or b"").decode()}"\r\n')
        for _ in range(2):
            answer = mechanism.respond(base64.b64decode(client.line().strip('"\r\n')))
            client.send(f'"{base64.b64encode(answer).decode()}"\r\n')
        assert client.read() == ['OK "signed in"']
    assert mechanism.is_proven


def test_sign_in_can_be_given_up_and_tried_by_no_other_way(managesieve: Running) -> None:
    with managesieve.encrypted() as client:
        client.send('AUTHENTICATE "PLAIN"\r\n')
        client.line()
        assert client.say('"*"') == ['NO "given up"']
        assert client.say('AUTHENTICATE "CRAM-MD5"') == ['NO "no such mechanism"']
        assert client.say('AUTHENTICATE "PLAIN" "not base64"') == ['NO "not understood"']


def test_wrong_passwords_end_the_session(managesieve: Running) -> None:
    with managesieve.encrypted() as client:
        wrong = f'AUTHENTICATE "PLAIN" "{plain("alice@example.test", "wrong")}"'
        assert client.say(wrong) == ['NO "sign-in failed"']
        assert client.say(wrong) == ['BYE "too many wrong passwords"']
    assert [event["login"] for event in managesieve.events("auth_failed")] == ["alice@example.test"] * 2


def test_unauthenticate_leads_back_to_where_a_stranger_is(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        assert client.say("UNAUTHENTICATE") == ['OK "signed out"']
        assert client.say("LISTSCRIPTS") == ['NO "sign in first"']
        assert client.say("UNAUTHENTICATE") == ['NO "sign in first"']


def test_too_many_errors_end_the_session(managesieve: Running) -> None:
    with managesieve.client() as client:
        client.read()
        replies = [client.say("NONSENSE") for _ in range(5)]
    assert replies == [['NO "no such command"']] * 4 + [['BYE "too many errors"']]


def test_logout_is_answered_and_the_connection_closed(managesieve: Running) -> None:
    with managesieve.client() as client:
        client.read()
        assert client.say("LOGOUT") == ['OK "bye"']
        assert client.line() == ""


def test_one_session_too_many_is_told_to_come_back(managesieve: Running) -> None:
    open_ones = [socket.create_connection(("127.0.0.1", managesieve.port), 20) for _ in range(3)]
    for connection in open_ones:
        assert connection.recv(14) == b'"IMPLEMENTATIO'
    with managesieve.client() as client:
        assert client.read() == ['BYE (TRYLATER) "too many sessions, try again later"']
    for connection in open_ones:
        connection.close()


def test_one_user_cannot_have_all_sessions(managesieve: Running) -> None:
    with managesieve.signed_in() as client, managesieve.signed_in(), managesieve.encrypted() as third:
        sign_in = f'AUTHENTICATE "PLAIN" "{plain(ALICE, PASSWORD)}"'
        assert third.say(sign_in) == ['NO (TRYLATER) "too many sessions of this user"']
        client.say("UNAUTHENTICATE")
        assert third.say(sign_in) == ['OK "signed in"']


def test_disk_that_fails_is_told_to_the_operator_alone(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        client.say('PUTSCRIPT "main" "keep;"')
        shutil.rmtree(managesieve.home)
        managesieve.home.write_text("no directory")
        assert client.say('PUTSCRIPT "main" "keep;"') == ['NO (TRYLATER) "not now, try again later"']
        client.say("NOOP")  # what was told is written by the next command
    (trouble,) = managesieve.events("trouble")
    assert trouble["stage"] == "scripts"


def test_pipelined_commands_are_answered_in_order(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        client.send('NOOP "1"\r\nPUTSCRIPT "a" {5+}\r\nkeep;\r\nNOOP "2"\r\n')
        assert [client.read() for _ in range(3)] == [['OK (TAG "1") "done"'], ['OK "the script is stored"'], ['OK (TAG "2") "done"']]


def test_service_that_stops_lets_silent_sessions_go(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        managesieve.stop()
        assert client.line() == ""


@pytest.mark.parametrize("begun", ["NOOP", "NOOP {9+}\r\nab", "NOOP {1+}\r\na {1+}\r\nb", "$ {9999+}\r\nx"])
def test_stranger_has_no_more_time_in_the_midst_of_a_command(hasty_managesieve: Running, begun: str) -> None:
    with hasty_managesieve.client() as client:
        client.read()
        client.send(begun)
        assert client.connection.recv(1000) == b""


@pytest.mark.parametrize("begun", ['PUTSCRIPT "a" {9+}\r\nkeep', 'PUTSCRIPT "a" {5+}\r\nkeep;', "$ {9+}\r\n123456789 {9999+}\r\nx"])
def test_user_has_so_long_for_a_command_and_no_longer(impatient_managesieve: Running, begun: str) -> None:
    with impatient_managesieve.signed_in() as client:
        client.send(begun)
        assert client.connection.recv(1000) == b""


def test_literal_longer_than_what_is_read_at_once_arrives_whole(managesieve: Running) -> None:
    with managesieve.signed_in() as client:
        client.send("PUTSCRIPT \"a\" {67000+}\r\n" + "#" * 67_000 + "\r\n")
        assert client.read()[0].startswith('NO (QUOTA/MAXSIZE)')
        assert client.say("NOOP") == ['OK "done"']


def test_name_too_long_for_a_file_is_only_a_script_that_is_not_there(managesieve: Running) -> None:
    name = "\U0001f600" * 100
    source = f'require "include"; include :global "{name}";'
    with managesieve.signed_in() as client:
        client.send(f"CHECKSCRIPT {{{len(source.encode())}+}}\r\n{source}\r\n")
        (kind, *_) = client.read()
        assert kind.startswith("OK (WARNINGS)")
