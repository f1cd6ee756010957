"""The lab's example for others, from an empty folder: its plugin against a mail server that is not ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import ROOT


def test_example_for_others_runs_in_a_folder_of_its_own(tmp_path: Path, lab_name: str) -> None:
    for file in (ROOT / "tests/lab/example").glob("*.*"):
        shutil.copy(file, tmp_path)
    version = os.environ.get("MALLEPOSTE_VERSION", "dev")
    names = {"PYTHONPATH": str(ROOT / "tests/lab"), "LAB_PROJECT": f"{lab_name}-example", "MAIL_IMAGE": f"malleposte/world:{version}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "malleposte_lab.plugin", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **names}, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
