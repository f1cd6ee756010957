"""What every database of the directory must do. A test class inherits these and gives the fixture ``settings``, an empty database."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from services.admin.directory import DirectoryWriter
from services.admin.trouble import DirectoryError
from services.kernel.directory import Account, Directory, DirectorySettings, MailboxFormat
from services.kernel.directory.account import UNLIMITED
from services.kernel.directory.engine import connect
from services.kernel.directory.passwords import hash_password
from services.kernel.directory.schema import ADDED_SINCE
from services.kernel.mail.domainclass import Domain, DomainClass

ALICE, BOB = "alice@example.test", "bob@example.test"


class DirectoryContract:
    """Reader and writer together."""

    @pytest.fixture
    def writer(self, settings: DirectorySettings) -> Iterator[DirectoryWriter]:
        made = DirectoryWriter(settings, clock=lambda: 1_700_000_000.5)
        made.prepare()
        yield made
        made.close()

    @pytest.fixture
    def reader(self, settings: DirectorySettings, writer: DirectoryWriter) -> Iterator[Directory]:
        made = Directory(settings.model_copy(update={"poll_seconds": 0.0001}))
        yield made
        made.close()

    def test_tables_are_made_once(self, writer: DirectoryWriter) -> None:
        assert writer.prepare() is False
        assert writer.domains() == []

    def test_account_is_read_as_it_was_written(self, writer: DirectoryWriter, reader: Directory) -> None:
        assert writer.add_account("Alice@Example.test", "hash", 5_000_000_000, 7) is True
        expected = Account(ALICE, "hash", 5_000_000_000, 7, True, 1_700_000_000.5)
        assert asyncio.run(reader.account("ALICE@example.test")) == expected
        assert asyncio.run(reader.account("alice+ext@example.test")) == expected
        assert writer.accounts() == [expected]
        assert asyncio.run(reader.domain("EXAMPLE.test")) == Domain("example.test", DomainClass.HOSTED)

    def test_unknown_names_are_none(self, reader: Directory) -> None:
        assert asyncio.run(reader.account(ALICE)) is None
        assert asyncio.run(reader.domain("example.test")) is None
        assert asyncio.run(reader.alias(ALICE)) is None

    def test_change_is_seen_at_once(self, writer: DirectoryWriter, reader: Directory) -> None:
        async def session() -> list[bool]:
            seen = [await reader.account(ALICE) is not None]
            writer.add_account(ALICE, "")
            seen.append(await reader.account(ALICE) is not None)
            writer.delete_account(ALICE)
            seen.append(await reader.account(ALICE) is not None)
            return seen

        assert asyncio.run(session()) == [False, True, False]

    def test_version_moves_with_each_change_and_only_then(self, writer: DirectoryWriter, reader: Directory) -> None:
        async def session() -> tuple[int, int, int]:
            before, again = await reader.version(), await reader.version()
            writer.add_account(ALICE, "")
            return before, again, await reader.version()

        before, again, after = asyncio.run(session())
        assert before == again != after

    def test_alias_keeps_the_order_of_its_targets(self, writer: DirectoryWriter, reader: Directory) -> None:
        writer.add_domain(Domain("example.test", DomainClass.HOSTED))
        assert writer.set_alias("Team@example.test", (BOB, ALICE, BOB)) is False
        assert asyncio.run(reader.alias("team@example.test")) == (BOB, ALICE)
        assert writer.set_alias("team@example.test", (ALICE,)) is True
        assert writer.aliases() == [("team@example.test", (ALICE,))]

    def test_login_needs_the_right_password_of_an_enabled_account(self, writer: DirectoryWriter, reader: Directory) -> None:
        writer.add_account(ALICE, hash_password("secret"))
        writer.add_account(BOB, "")

        async def session() -> list[str | None]:
            found = [await reader.authenticate(login, password) for login, password in (("Alice@example.test", "secret"), (ALICE, "Secret"))]
            found += [await reader.authenticate("nobody@example.test", "secret"), await reader.authenticate(BOB, "")]
            writer.change_account(ALICE, password_hash=hash_password("new"))
            found += [await reader.authenticate(ALICE, "secret"), await reader.authenticate(ALICE, "new")]
            writer.change_account(ALICE, enabled=False)
            found.append(await reader.authenticate(ALICE, "new"))
            return [account.address if account else None for account in found]

        assert asyncio.run(session()) == [ALICE, None, None, None, None, ALICE, None]

    def test_keys_count_while_the_password_stands_that_they_were_made_of(self, writer: DirectoryWriter, reader: Directory) -> None:
        writer.add_account(ALICE, "hash")
        writer.add_account(BOB, "")

        async def keys() -> tuple[bool, str | None]:
            found = await reader.scram("Alice@example.test")
            return await reader.has_scram_for_all(), found.scram if found else None

        seen = [asyncio.run(keys())]
        writer.set_scram(ALICE, "keys")
        seen.append(asyncio.run(keys()))
        assert [account.scram for account in writer.accounts()] == ["keys", ""]
        writer.change_account(ALICE, enabled=False)
        seen.append(asyncio.run(keys()))
        writer.change_account(ALICE, enabled=True, password_hash="another")
        seen.append(asyncio.run(keys()))
        writer.change_account(ALICE, password_hash="hash")
        writer.delete_account(ALICE)
        writer.add_account(ALICE, "hash")
        seen.append(asyncio.run(keys()))
        assert seen == [(False, None), (True, "keys"), (True, None), (False, None), (False, None)]

    def test_keys_survive_an_export(self, writer: DirectoryWriter, reader: Directory) -> None:
        writer.add_account(ALICE, "hash")
        writer.set_scram(ALICE, "keys")
        found = writer.accounts()
        writer.delete_account(ALICE)
        writer.load(([], found, []), replaces=False)
        assert writer.accounts() == found
        assert len(asyncio.run(reader.scram_secret())) == 64

    @pytest.mark.parametrize(
        ("sender", "is_allowed"),
        [
            (ALICE, True),
            ("Alice+list@example.test", True),
            (BOB, False),
            ("sales@example.test", True),
            ("sales+x@example.test", True),
            ("team@example.test", False),
            ("alice@other.test", True),
            ("anything@alice.test", True),
            ("bob@alice.test", False),
            ("alice@elsewhere.test", False),
            ("nobody@example.test", False),
            ("loop@example.test", False),
            ("", False),
        ],
    )
    def test_sender_is_allowed_when_its_mail_reaches_the_login_alone(
        self, writer: DirectoryWriter, reader: Directory, sender: str, is_allowed: bool
    ) -> None:
        for address in (ALICE, BOB, "bob@alice.test"):
            writer.add_account(address, "")
        writer.add_domain(Domain("other.test", DomainClass.ALIAS, "example.test"))
        writer.set_alias("sales@example.test", ("shop@example.test",))
        writer.set_alias("shop@example.test", (ALICE,))
        writer.set_alias("team@example.test", (ALICE, BOB))
        writer.set_alias("loop@example.test", ("loop@example.test",))
        writer.set_alias("@alice.test", (ALICE,))
        assert asyncio.run(reader.may_send_as(ALICE, sender)) is is_allowed

    def test_account_in_use_and_missing_ones_are_refused_in_words(self, writer: DirectoryWriter) -> None:
        writer.add_account(ALICE, "")
        with pytest.raises(DirectoryError, match="an account alice@"):
            writer.add_account(ALICE, "")
        with pytest.raises(DirectoryError, match="no account bob@"):
            writer.delete_account(BOB)
        with pytest.raises(DirectoryError, match="still has mailboxes: alice@"):
            writer.delete_domain("example.test")

    def test_domain_goes_with_its_aliases(self, writer: DirectoryWriter) -> None:
        writer.add_domain(Domain("example.test", DomainClass.HOSTED))
        writer.set_alias("a@example.test", (BOB,))
        writer.delete_domain("Example.test")
        assert (writer.domains(), writer.aliases()) == ([], [])

    def test_mailbox_in_a_domain_that_is_not_hosted_is_refused(self, writer: DirectoryWriter) -> None:
        writer.add_domain(Domain("inside.test", DomainClass.RELAY, "[10.0.0.1]:25"))
        with pytest.raises(DirectoryError, match="of class relay"):
            writer.add_account("a@inside.test", "")

    def test_mailbox_without_a_quota_of_its_own_has_that_of_its_domain(self, writer: DirectoryWriter, reader: Directory) -> None:
        async def limits() -> list[tuple[int, int]]:
            found = [await reader.account(address) for address in (ALICE, BOB, "carol@example.test")]
            return [(account.quota_bytes, account.quota_messages) for account in found if account]

        writer.add_account(ALICE, "")
        writer.add_account(BOB, "", 500, UNLIMITED)
        writer.add_account("carol@example.test", "", UNLIMITED, 5)
        assert asyncio.run(limits()) == [(0, 0), (500, 0), (0, 5)]
        writer.change_domain("Example.test", quota_bytes=1000, quota_messages=7)
        assert asyncio.run(limits()) == [(1000, 7), (500, 0), (0, 5)]
        writer.add_domain(Domain("example.test", DomainClass.HOSTED))
        assert writer.domains() == [Domain("example.test", DomainClass.HOSTED, "", 1000, 7)]
        with pytest.raises(DirectoryError, match="no domain other"):
            writer.change_domain("other.test", quota_bytes=1)

    @pytest.mark.parametrize("version", list(ADDED_SINCE))
    def test_older_directory_is_brought_up_to_date(
        self, writer: DirectoryWriter, reader: Directory, settings: DirectorySettings, version: int
    ) -> None:
        writer.add_account(ALICE, "", 5)
        with connect(settings).begin() as connection:
            for column in (column for since in ADDED_SINCE if since >= version for column in ADDED_SINCE[since]):
                connection.execute(text(f"ALTER TABLE {column.table.name} DROP COLUMN {column.name}"))
            connection.execute(text(f"UPDATE meta SET schema_version = {version}"))
        assert writer.prepare() is False
        writer.change_domain("example.test", quota_messages=9)
        account = asyncio.run(reader.account(ALICE))
        assert account is not None and (account.quota_bytes, account.quota_messages, account.mailbox_format) == (5, 9, MailboxFormat.MAILDIR)

    def test_mailbox_format_is_read_as_it_was_written(self, writer: DirectoryWriter, reader: Directory) -> None:
        async def form() -> MailboxFormat:
            account = await reader.account(ALICE)
            assert account is not None
            return account.mailbox_format

        writer.add_account(ALICE, "", mailbox_format=MailboxFormat.MBOX)
        assert asyncio.run(form()) is MailboxFormat.MBOX is writer.account(ALICE).mailbox_format
        writer.change_account(ALICE, mailbox_format=MailboxFormat.MAILDIR)
        assert asyncio.run(form()) is MailboxFormat.MAILDIR

    def test_load_replaces_or_adds_in_one_transaction(self, writer: DirectoryWriter) -> None:
        writer.add_account(ALICE, "old")
        domain, account = Domain("example.test", DomainClass.HOSTED), Account(BOB, "hash", 1, 2, False, 3.0, MailboxFormat.MBOX)
        writer.load(([domain], [account], [("c@example.test", (BOB,))]), replaces=False)
        assert [found.address for found in writer.accounts()] == [ALICE, BOB]
        with pytest.raises(DirectoryError):
            writer.load(([Domain("not a domain", DomainClass.HOSTED)], [], []), replaces=True)
        assert [found.address for found in writer.accounts()] == [ALICE, BOB]
        writer.load(([domain], [account], []), replaces=True)
        assert (writer.accounts(), writer.aliases()) == ([account], [])
