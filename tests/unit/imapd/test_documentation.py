"""The page for users tells the truth."""

import re
from pathlib import Path

from services.imapd.extensions import EXTENSIONS

PAGE = (Path(__file__).resolve().parents[3] / "docs/protocols.md").read_text()
IMAP = PAGE.partition("## IMAP")[2].partition("## POP3")[0]


def test_page_has_the_extensions_that_there_are() -> None:
    rows = [line for line in IMAP.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row.partition("`AUTH=`")[0])}
    assert named == {extension.name for extension in EXTENSIONS}
