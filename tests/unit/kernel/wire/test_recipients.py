"""What a primary tells its secondaries: signed, and only what is new."""

from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from services.admin.identity import ensure_identity
from services.admin.mirror.server import Identity
from services.kernel.directory.mirror import DomainRecipients, Recipients
from services.kernel.wire.recipients import Unauthentic, Whole, apply, compare, seal, unseal
from tests.unit.backupmx.pair import NOW

DOMAINS = st.dictionaries(
    st.sampled_from(["a.test", "b.test", "c.test"]),
    st.builds(
        DomainRecipients, st.lists(st.sampled_from("abcdef"), unique=True).map(sorted), is_complete=st.booleans(), takes_all=st.booleans()
    ),
)
SETS = st.builds(Recipients, st.just("primary"), st.just(1.0), st.sampled_from("+-"), DOMAINS)


@given(SETS, SETS)
def test_changes_lead_from_the_old_to_the_new(old: Recipients, new: Recipients) -> None:
    assert apply(old, compare(old, new)) == new


@given(SETS, SETS, SETS)
def test_changes_of_another_version_are_refused(old: Recipients, new: Recipients, other: Recipients) -> None:
    if other.version != old.version:
        with pytest.raises(Unauthentic):
            apply(other, compare(old, new))


def test_what_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    folder = tmp_path
    ensure_identity(folder, "mx1.test", NOW)
    key = Identity(folder / "identity.pem", folder / "identity-key.pem").load_key()
    certificate = x509.load_pem_x509_certificate((folder / "identity.pem").read_bytes())
    answer = Whole(Recipients("primary", 1.0, "+", {"a.test": DomainRecipients(["alice"])}))
    sealed = seal(answer, key)
    assert unseal(sealed, certificate) == answer
    for forged in (sealed.replace(b"alice", b"mallo"), sealed[1:], b"", b"\n{}", sealed.partition(b"\n")[2]):
        with pytest.raises(Unauthentic):
            unseal(forged, certificate)
