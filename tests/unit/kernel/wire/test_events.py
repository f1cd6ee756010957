"""Events are written whatever a stranger made of the facts."""

import asyncio
import json
from pathlib import Path

import pytest

from services.kernel.wire.events import Emitter, Kind


def test_lone_surrogate_in_a_fact_is_a_question_mark(tmp_path: Path) -> None:
    emitter = Emitter("x.test", "mda", "0", tmp_path, stdout=False)
    emitter.emit(Kind.TROUBLE, reason="octet \udc80", bytes=3)
    emitter.close()
    (event,) = map(json.loads, (tmp_path / "mda.0.jsonl").read_text().splitlines())
    assert (event["kind"], event["reason"], event["bytes"], event["site"]) == ("trouble", "octet ?", 3, "x.test")


def test_file_has_a_line_at_once_and_stdout_at_the_latest_when_all_is_closed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> Emitter:
        emitter = Emitter("x.test", "mda", "0", tmp_path)
        emitter.emit(Kind.TROUBLE, reason="first")
        await asyncio.sleep(0)
        emitter.emit(Kind.TROUBLE, reason="second")
        await asyncio.sleep(0)
        return emitter

    emitter = asyncio.run(main())
    written = (tmp_path / "mda.0.jsonl").read_text()
    assert ([json.loads(line)["reason"] for line in written.splitlines()], capfd.readouterr().out) == (["first", "second"], "")
    emitter.close()
    assert capfd.readouterr().out == written
