"""Tables that are brought along."""

from pathlib import Path

from services.admin.postfix.draft import Draft
from services.admin.postfix.lookups import Lookups


def test_database_of_the_old_host_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "users.cf").write_text("# ours\ndbpath = /var/mail.db\nquery = SELECT 1\n")
    (tmp_path / "near.cf").write_text("dbpath = mail.db\nquery = SELECT 1\n")
    draft = Draft()
    lookups = Lookups(tmp_path, draft)
    for name in ("users", "users", "near"):
        assert lookups.table(f"proxy:sqlite:/etc/postfix/{name}.cf") == f"sqlite:{name}.cf"
    assert draft.notes == ["users.cf: the services find no /var/mail.db of this host: put it into tables/ and name it so in dbpath"]
