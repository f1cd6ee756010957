"""Programs that hear a signal while they are being loaded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
SLOW = "import os, signal, time; os.kill(os.getpid(), signal.SIGHUP); os.kill(os.getpid(), {signal}); time.sleep(30)"


def load(directory: Path, number: int) -> int:
    """The exit status of a program that sends itself SIGHUP and this signal while it is loaded."""
    (directory / "slow.py").write_text(SLOW.format(signal=number))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{directory}"}
    words = [sys.executable, "-c", "from services.kernel.runtime.entry import run; run('slow')"]
    return subprocess.run(words, env=environment, timeout=20, check=False).returncode


def test_sigterm_ends_it_and_sighup_does_not(tmp_path: Path) -> None:
    assert load(tmp_path, signal.SIGTERM) == 128 + signal.SIGTERM
