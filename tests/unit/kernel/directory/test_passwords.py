"""Password hashes and the check of a login."""

import asyncio

import pytest

from services.kernel.directory import passwords
from services.kernel.directory.passwords import Verifier, hash_password, is_password


def test_hash_is_argon2id_with_the_owasp_parameters() -> None:
    assert hash_password("secret").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_only_the_password_itself_fits() -> None:
    stored = hash_password("pässword")
    assert is_password(stored, "pässword")
    assert not is_password(stored, "passwort")


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken", "$6$salt$hash", "$argon2id$v=19$m=19456,t=2,p=1$$"])
def test_hash_of_another_kind_fits_nothing(stored: str) -> None:
    assert not is_password(stored, stored)


class Counting:
    """Counts the real checks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checked: list[str] = []
        monkeypatch.setattr(passwords, "is_password", self.check)

    def check(self, stored: str, password: str) -> bool:
        self.checked.append(stored)
        return password == "right"


def test_success_is_remembered_for_a_while_and_failure_never(monkeypatch: pytest.MonkeyPatch) -> None:
    counting, now = Counting(monkeypatch), [0.0]

    async def session() -> None:
        verifier = Verifier(2, 60, lambda: now[0])
        for password in ("right", "right", "wrong", "wrong"):
            assert await verifier.verify("hash", password) is (password == "right")
        now[0] = 61
        assert await verifier.verify("hash", "right")

    asyncio.run(session())
    assert len(counting.checked) == 4


def test_changed_hash_is_checked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting(monkeypatch)

    async def session() -> None:
        verifier = Verifier(2, 60)
        await verifier.verify("old", "right")
        await verifier.verify("new", "right")

    asyncio.run(session())
    assert counting.checked == ["old", "new"]


@pytest.mark.parametrize("stored", [None, ""])
def test_unknown_user_costs_a_real_check_and_never_fits(monkeypatch: pytest.MonkeyPatch, stored: str | None) -> None:
    counting = Counting(monkeypatch)
    assert asyncio.run(Verifier(2, 60).verify(stored, "right")) is False
    (checked,) = counting.checked
    assert checked.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
