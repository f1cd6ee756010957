"""Queue volumes and messages for tests."""

from pathlib import Path

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.queueid import QueueId, queue_id
from services.kernel.spool.disk import Disk
from services.kernel.spool.newfile import NewFile, commit_together

ARRIVED = 1_800_000_000.0
CONTENT = b"Subject: test\r\nMessage-ID: <m@test>\r\n\r\nhello\r\n"


def make_volume(root: Path) -> Path:
    for name in ("incoming", "active", "deferred", "hold", "corrupt", "history"):
        (root / name).mkdir()
    return root


def name(number: int) -> QueueId:
    return queue_id(int(ARRIVED * 1e6) + number, number)


def envelope(number: int = 1, sender: str = "alice@example.test", *, ret: str = "", is_bounce: bool = False) -> Envelope:
    return Envelope(name(number), name(number), sender, ARRIVED, message_id="<m@test>", ret=ret, is_bounce=is_bounce)


def recipients(*addresses: str, notify: str = "") -> list[Recipient]:
    return [Recipient(address, address, notify=notify) for address in addresses or ("bob@world.test",)]


def put(root: Path, about: Envelope, to: list[Recipient], content: bytes = CONTENT, disk: Disk | None = None) -> QueueId:
    file = NewFile(disk or Disk(), f"{root}/incoming/{about.queue_id}", about, to)
    file.write(content)
    assert commit_together([file]) == [None]
    return QueueId(about.queue_id)
