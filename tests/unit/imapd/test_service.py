"""The worker as a whole: reload, and a process with the shipped defaults."""

from pathlib import Path

import pytest

from services.imapd.config import ImapdSettings
from services.imapd.service import Settings
from services.kernel.runtime.config import ConfigError
from tests.unit.imapd.site import Running


def test_reload_is_for_the_next_session(imapd: Running) -> None:
    with imapd.signed_in() as client:
        text = imapd.configuration.read_text()
        imapd.configuration.write_text(text.replace("mail.example.test", "new.example.test"))
        imapd.run(imapd.service.reload)
        assert client.ask("NOOP")[-1].startswith(b"OK")
    with imapd.client() as client:
        assert b"new.example.test" in client.greeting
    assert len(imapd.events("reloaded")) == 1


def test_reload_of_a_broken_configuration_keeps_the_old_one(imapd: Running) -> None:
    imapd.configuration.write_text("imapd: {sessions: none}")
    imapd.run(imapd.service.reload)
    with imapd.client() as client:
        assert b"mail.example.test" in client.greeting
    assert "imapd.sessions" in imapd.events("trouble")[0]["reason"]


def test_autologout_before_half_an_hour_is_no_setting(tmp_path: Path) -> None:
    path = tmp_path / "malleposte.yaml"
    path.write_text("imapd: {idle_seconds: 60}")
    with pytest.raises(ConfigError, match=r"malleposte.yaml:1 imapd.idle_seconds"):
        Settings(path)


def test_defaults_are_the_ports_of_imap() -> None:
    settings = ImapdSettings.model_validate({})
    assert (settings.listen, settings.listen_tls) == ((":143",), (":993",))
