"""The mail that both sides read."""

import email
import email.policy
from itertools import islice
from pathlib import Path

from tests.bench.tools.corpus import FOUND, FOUND_EVERY, Corpus, fill

MESSAGES = list(islice(Corpus(3).messages(), 200))
PARSED = [email.message_from_bytes(message, policy=email.policy.default) for message in MESSAGES]


def test_a_seed_gives_the_same_messages_again() -> None:
    assert list(islice(Corpus(3).messages(), 200)) == MESSAGES
    assert list(islice(Corpus(4).messages(), 200)) != MESSAGES


def test_one_message_in_fifty_has_the_word_that_is_searched() -> None:
    assert [number for number, message in enumerate(MESSAGES) if FOUND.encode() in message] == [*range(0, 200, FOUND_EVERY)]


def test_messages_are_whole_and_of_all_kinds() -> None:
    assert not [part.defects for message in PARSED for part in message.walk() if part.defects]
    kinds = {part.get_content_type() for message in PARSED for part in message.walk()}
    assert {"multipart/alternative", "application/pdf", "message/rfc822"} <= kinds


def test_half_of_the_messages_are_in_threads() -> None:
    names = {part["Message-ID"] for message in PARSED for part in message.walk()}
    answers = [message for message in PARSED if message["In-Reply-To"]]
    assert 80 < len(answers) < 140
    assert {message["In-Reply-To"] for message in answers} <= names


def test_a_mailbox_says_the_sizes_in_its_names(tmp_path: Path) -> None:
    (tmp_path / "cur").mkdir()
    total = fill(tmp_path, 10, 3, crlf=False)
    assert total == sum(map(len, MESSAGES[:10]))
    files = sorted((tmp_path / "cur").iterdir())
    sizes = [file.name.partition(",")[2].partition(":")[0] for file in files]
    assert sizes == [f"S={file.stat().st_size},W={len(message)}" for file, message in zip(files, MESSAGES, strict=False)]
