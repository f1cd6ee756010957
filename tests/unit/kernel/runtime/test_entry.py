"""Programs that hear a signal while they are being loaded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SLOW = "import os, signal, time; os.kill(os.getpid(), signal.SIGHUP); os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)"
"""A program that is told to reload and to stop while it is loaded."""


def test_sigterm_ends_it_and_sighup_does_not(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    words = [sys.executable, "-c", "from services.kernel.runtime.entry import run; run('slow')"]
    assert subprocess.run(words, env=environment, timeout=20, check=False).returncode == 128 + signal.SIGTERM
