"""Events are written whatever a stranger made of the facts."""

import json
from pathlib import Path

from services.kernel.wire.events import Emitter, Kind


def test_lone_surrogate_in_a_fact_is_a_question_mark(tmp_path: Path) -> None:
    emitter = Emitter("x.test", "mda", "0", tmp_path, stdout=False)
    emitter.emit(Kind.TROUBLE, reason="octet \udc80", bytes=3)
    emitter.close()
    (event,) = map(json.loads, (tmp_path / "mda.0.jsonl").read_text().splitlines())
    assert (event["kind"], event["reason"], event["bytes"], event["site"]) == ("trouble", "octet ?", 3, "x.test")
