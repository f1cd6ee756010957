"""Who a command may run as."""

import os
import pwd

import pytest

from services.kernel.runtime.users import PROGRAMS_IDS, Identity, UserRefused
from services.pipe import users
from services.pipe.users import identify


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the Compose profile, where the image has the users of the site's programs."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(users, "OWN_USER", "5010")


@pytest.fixture
def as_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: nobody.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: nobody.pw_gid)


@pytest.mark.usefixtures("as_root")
def test_root_becomes_the_user_and_group_of_the_transport() -> None:
    nobody = pwd.getpwnam("nobody")
    assert identify("nobody") == Identity(nobody.pw_uid, nobody.pw_gid)
    assert identify("nobody:8000") == Identity(nobody.pw_uid, 8000)
    assert identify("7000:7001") == Identity(7000, 7001)
    assert identify("") == identify("5010") == Identity(5010, 5010)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("text", ["root", "0", "0:7000", "7000:0", "7000:root", "5002", "7000:5102", "no-such-user", "nobody:no-such-group"])
def test_root_the_site_s_own_users_and_unknown_ones_are_refused(text: str) -> None:
    with pytest.raises(UserRefused):
        identify(text)


@pytest.mark.usefixtures("as_pipe")
def test_without_capabilities_there_is_one_user() -> None:
    assert identify("") is None
    assert identify("nobody") is None
    for other in ("daemon", "7000", "root", "nobody:7000"):
        with pytest.raises(UserRefused, match="without the capabilities"):
            identify(other)


def test_numbers_of_the_programs_are_those_of_the_images() -> None:
    assert {5001, 5010, 5011, 5101, 5110} <= set(PROGRAMS_IDS)
    assert os.geteuid() not in PROGRAMS_IDS
