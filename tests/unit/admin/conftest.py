"""A small site on the disk and the command line that works on it."""

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.admin.cli import main


@dataclass(frozen=True)
class Finished:
    """What one run of ``malle`` left."""

    status: int
    out: str
    err: str


Malle = Callable[..., Finished]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration whose directory, events, certificates and control socket are in the same folder."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "events").mkdir()
    (tmp_path / "certs").mkdir()
    (tmp_path / "malleposte.yaml").write_text(f"""\
site: {{hostname: mail.example.test, postmaster: Postmaster@example.test}}
directory: {{url: "sqlite:///{tmp_path}/directory.sqlite"}}
admin:
  control: unix:{tmp_path}/qmgr
  verify: unix:{tmp_path}/verify
  mailboxes: unix:{tmp_path}/control
  events_directory: {tmp_path}/events
  certificates: {{directory: {tmp_path}/certs, names: [imap.example.test]}}
  probes: []
""")
    return tmp_path


@pytest.fixture
def malle(folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Malle:
    """Run ``malle WORDS`` on that site."""

    def run(*words: str, stdin: str = "") -> Finished:
        monkeypatch.setattr(sys, "argv", ["malle", "--config", str(folder / "malleposte.yaml"), *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode(errors="surrogateescape"))))
        with pytest.raises(SystemExit) as end:
            main()
        sys.stdout.flush()
        out, err = (text.decode(errors="surrogateescape") for text in capfdbinary.readouterr())
        return Finished(int(end.value.code or 0), out, err)

    return run
