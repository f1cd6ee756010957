"""malle account, alias, domain, directory, explain and init."""

import asyncio
import json
from pathlib import Path

import pytest

from services.kernel.directory import Directory, DirectorySettings
from tests.unit.admin.conftest import Malle

ALICE = "alice@example.test"


@pytest.fixture
def site(malle: Malle) -> Malle:
    assert malle("init").status == 0
    return malle


def test_init_makes_what_is_missing_and_only_that(malle: Malle, folder: Path) -> None:
    first = malle("init")
    assert "made the directory's tables" in first.out
    assert "made the account postmaster@example.test without a password" in first.out
    made = {"ca.pem", "ca-key.pem", "cert.pem", "key.pem", "identity.pem", "identity-key.pem"}
    assert {path.name for path in (folder / "certs").iterdir()} == made
    assert malle("init").out == ""


def test_account_is_made_with_its_domain_and_can_sign_in(site: Malle, folder: Path) -> None:
    made = site("account", "add", "Alice@new.test", "--password-stdin", "--quota", "1.5G", "--messages", "7", stdin="s3cret word\n")
    assert made.out == "made the hosted domain new.test\nmade the account alice@new.test\n"
    settings = DirectorySettings.model_validate({"url": f"sqlite:///{folder}/directory.sqlite"})
    account = asyncio.run(Directory(settings).authenticate("alice@new.test", "s3cret word"))
    assert account is not None
    assert (account.quota_bytes, account.quota_messages) == (3 << 29, 7)
    assert asyncio.run(Directory(settings).has_scram_for_all())


def test_accounts_are_listed_for_people_and_programs(site: Malle) -> None:
    site("account", "add", ALICE, "--password-stdin", "--quota", "2K", stdin="x\n")
    header, line, _ = site("account", "list", "example.test").out.splitlines()
    assert header.split() == ["ADDRESS", "QUOTA", "MESSAGES", "ENABLED", "SCRAM", "FORMAT", "CREATED"]
    assert line.split()[:6] == [ALICE, "2K", "-", "yes", "yes", "maildir"]
    entries = json.loads(site("account", "list", "--json").out)
    assert [(entry["address"], entry["quota_bytes"]) for entry in entries] == [(ALICE, 2048), ("postmaster@example.test", 0)]


def test_quota_is_of_the_domain_unless_the_mailbox_has_its_own_or_none(site: Malle) -> None:
    site("account", "add", ALICE, "--password-stdin", "--quota", "none", stdin="x\n")
    assert site("domain", "quota", "example.test", "2G", "--messages", "100").out == "changed the quota of the mailboxes of example.test\n"
    assert site("domain", "list").out.splitlines()[1].split() == ["example.test", "hosted", "2G", "100"]
    assert site("account", "list", "example.test").out.splitlines()[1].split()[:3] == [ALICE, "none", "-"]
    site("account", "quota", ALICE, "domain", "--messages", "-1")
    assert site("account", "list", "example.test").out.splitlines()[1].split()[:3] == [ALICE, "-", "none"]
    assert site("domain", "quota", "other.test", "1G").status == 1


def test_account_is_stored_as_an_mbox_or_a_maildir_and_explain_says_so(site: Malle) -> None:
    site("account", "add", ALICE, "--password-stdin", "--mailbox-format", "mbox", stdin="x\n")
    assert f"directory accounts  {ALICE}  = enabled, mbox" in site("explain", ALICE).out
    exported = site("directory", "export").out
    assert "mailbox_format: mbox" in exported
    assert site("account", "format", ALICE, "maildir").out == f"changed the format of {ALICE} to maildir\n"
    assert json.loads(site("account", "list", "example.test", "--json").out)[0]["mailbox_format"] == "maildir"
    assert site("directory", "import", "-", stdin=exported).status == 0
    assert "mbox" in site("account", "list").out
    assert site("account", "format", ALICE, "mh").status == 2


def test_account_is_changed_and_deleted(site: Malle) -> None:
    site("account", "add", ALICE, "--password-stdin", stdin="x\n")
    assert site("account", "passwd", ALICE, "--password-stdin", stdin="y\n").status == 0
    assert site("account", "quota", ALICE, "500M", "--messages", "9").status == 0
    assert site("account", "disable", ALICE).status == 0
    (entry, _) = json.loads(site("account", "list", "--json").out)
    assert (entry["quota_bytes"], entry["quota_messages"], entry["enabled"]) == (500 << 20, 9, False)
    assert site("account", "enable", ALICE).status == 0
    assert site("account", "delete", ALICE).status == 0
    assert ALICE not in site("account", "list").out


@pytest.mark.parametrize(
    ("words", "status", "fault"),
    [
        (["account", "add", "alice", "--password-stdin"], 1, "malle: alice:"),
        (["account", "add", ALICE, "--password-stdin", "--quota", "lots"], 1, "malle: 'lots' is no size"),
        (["account", "passwd", "nobody@example.test", "--password-stdin"], 1, "malle: there is no account nobody@example.test"),
        (["account", "delete", "nobody@example.test"], 1, "malle: there is no account"),
        (["account", "add", ALICE], 2, "use --password-stdin"),
        (["alias", "add", "x@foreign.test", ALICE], 1, "malle: foreign.test is no domain of ours"),
        (["alias", "delete", "x@example.test"], 1, "malle: there is no alias"),
        (["domain", "add", "a.test", "--class", "alias"], 1, "malle: a.test: an alias domain needs"),
        (["domain", "add", "a.test", "--class", "odd"], 2, "odd"),
        (["domain", "delete", "example.test"], 1, "malle: example.test still has mailboxes"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_fault_is_a_clear_line_and_a_status(site: Malle, words: list[str], status: int, fault: str) -> None:
    done = site(*words, stdin="x\n")
    assert done.status == status
    assert fault in done.err
    assert "Traceback" not in done.err


def test_empty_password_is_refused(site: Malle) -> None:
    done = site("account", "add", ALICE, "--password-stdin", stdin="\n")
    assert (done.status, done.err) == (1, "malle: the password is empty\n")


def test_missing_configuration_is_a_clear_line(malle: Malle, folder: Path) -> None:
    (folder / "malleposte.yaml").unlink()
    done = malle("account", "list")
    assert done.status == 1
    assert done.err.endswith("malleposte.yaml: No such file or directory\n")


def test_aliases_are_made_changed_listed_and_deleted(site: Malle) -> None:
    assert site("alias", "add", "Team@example.test", ALICE, "bob@other.test").out == "made the alias team@example.test\n"
    assert site("alias", "add", "team@example.test", ALICE).out == "changed the alias team@example.test\n"
    assert site("alias", "list").out.splitlines()[1].split() == ["team@example.test", ALICE]
    assert json.loads(site("alias", "list", "--json").out) == [{"source": "team@example.test", "targets": [ALICE]}]
    assert site("alias", "delete", "team@example.test").status == 0
    assert site("alias", "list").out == ""


def test_domains_have_a_class_and_a_target(site: Malle) -> None:
    assert site("domain", "add", "Inside.test", "--class", "relay", "--target", "[10.0.0.1]:26").status == 0
    assert json.loads(site("domain", "list", "--json").out)[1] == {
        "name": "inside.test",
        "class": "relay",
        "target": "[10.0.0.1]:26",
        "quota_bytes": 0,
        "quota_messages": 0,
    }
    assert site("domain", "delete", "inside.test").status == 0
    assert [line.split()[0] for line in site("domain", "list").out.splitlines()] == ["DOMAIN", "example.test"]


def test_export_can_be_imported_into_an_empty_directory(site: Malle, folder: Path) -> None:
    site("account", "add", ALICE, "--password-stdin", stdin="x\n")
    site("alias", "add", "team@example.test", ALICE)
    exported = site("directory", "export").out
    (folder / "directory.sqlite").unlink()
    site("init")
    (folder / "export.yaml").write_text(exported)
    assert site("directory", "import", "--replace", str(folder / "export.yaml")).out == "imported 1 domains, 2 accounts, 1 aliases\n"
    assert site("directory", "export").out == exported


@pytest.mark.parametrize("text", ["accounts: [{adress: a@b.test}]", "domains: 5", "{", "aliases: [{source: a@b.test, targets: [b]}]"])
def test_import_of_nonsense_changes_nothing(site: Malle, text: str) -> None:
    before = site("directory", "export").out
    done = site("directory", "import", "--replace", "-", stdin=text)
    assert done.status == 1
    assert done.err.startswith("malle: ")
    assert site("directory", "export").out == before


def test_explain_names_the_lookup_that_decided(site: Malle) -> None:
    site("account", "add", ALICE, "--password-stdin", stdin="x\n")
    site("alias", "add", "team@example.test", ALICE)
    lines = site("explain", "team@example.test").out.splitlines()
    assert f"    directory aliases  team@example.test  = {ALICE}" in lines
    assert f"recipient <team@example.test>: accepted, hosted, for {ALICE}" in lines
    assert f"{ALICE} -> lmtp:[mda]:24" in lines
    refused = site("explain", "nobody@example.test")
    assert (refused.status, "refused, 550 5.1.1" in refused.out) == (1, True)
    assert "refused, 550 5.7.1" in site("explain", "a@elsewhere.test").out
    assert "a@elsewhere.test -> smtp:elsewhere.test" in site("explain", "a@elsewhere.test", "--signed-in").out
