"""The ``pipe`` section."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.kernel.runtime.config import Section


class PipeSettings(Section):
    """Commands that take mail. What is run is said in `routing.transports`, entries with `program: pipe`."""

    listen: str = "unix:/run/pipe/delivery"
    """Where the delivery hop is answered: a socket that qmgr reaches and the commands do not."""
    queue_directory: Path = Path("/queue")
    """The queue volume; only read."""
    programs_directory: Path = Path("/programs")
    """Commands without a slash are looked for here, then in the usual places."""
    commands_limit: Annotated[int, Field(ge=1)] = 20
    """Most commands at a time; further deliveries wait (Postfix `default_process_limit` is 100)."""
    output_limit: Annotated[int, Field(ge=80)] = 1000
    """Bytes of a command's output that are kept, for the reply and reports; the rest is read and dropped."""
    events_directory: Path | None = Path("/private/events")
    """Where events are written for `admin`: behind a folder that no command enters."""
    metrics_address: str = ":9100"
    """Where Prometheus metrics are answered."""
