"""The event lines of containers, of one project or several, as one list that a test waits on."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from docker.errors import APIError, NotFound

from malleposte_lab.project import Project

Event = dict[str, Any]
FOLLOW_AGAIN_SECONDS = 0.2
"""How soon the log of a container that stopped is asked for again."""


class EventLog:
    """Follows the log of each service of a project in a thread of its own, across restarts of its container."""

    def __init__(self, *sources: tuple[Project, str]) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        for project, service in sources:
            threading.Thread(target=self._follow, args=(project, service), daemon=True).start()

    def _follow(self, project: Project, service: str) -> None:
        seen = ""
        while not self._closing.is_set():
            with contextlib.suppress(NotFound, APIError, LookupError, OSError):  # the container is being made anew
                seen = self._read(project, service, seen)
            self._closing.wait(FOLLOW_AGAIN_SECONDS)

    def _read(self, project: Project, service: str, seen: str) -> str:
        stream = project.container(service).logs(stream=True, follow=True, timestamps=True, stderr=False)
        rest = b""
        for block in stream:
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                stamp, _, text = line.decode(errors="replace").partition(" ")
                if stamp > seen:
                    seen = stamp
                    self._add(text)
            if self._closing.is_set():
                break
        return seen

    def _add(self, text: str) -> None:
        try:
            event = json.loads(text)
        except ValueError:
            return
        if isinstance(event, dict):
            with self._changed:
                self._events.append(event)
                self._changed.notify_all()

    def matching(self, **facts: Any) -> list[Event]:
        """All events so far that have these facts."""
        with self._changed:
            return [event for event in self._events if _has(event, facts)]

    def wait(self, deadline_seconds: float = 30.0, **facts: Any) -> Event:
        """Wait for the first event with these facts; ``AssertionError`` with the last events after the deadline."""
        found: list[Event] = self.wait_until(lambda: self.matching(**facts), f"no event {facts}", deadline_seconds)
        return found[0]

    def wait_until(self, condition: Callable[[], Any], otherwise: str, deadline_seconds: float = 30.0) -> Any:
        """Wait until ``condition`` is true, looking again at each event; return what it gave."""
        deadline = time.monotonic() + deadline_seconds
        while True:
            with self._changed:
                count = len(self._events)
            found = condition()
            if found:
                return found
            with self._changed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{otherwise} within {deadline_seconds:g} s; the last ones:\n{self._tail()}")
                if len(self._events) == count:
                    self._changed.wait(min(left, 0.5))

    def _tail(self) -> str:
        return "\n".join(json.dumps(event) for event in self._events[-15:])

    def close(self) -> None:
        """Stop following."""
        self._closing.set()


def _has(event: Event, facts: dict[str, Any]) -> bool:
    return all(event.get(name) == value for name, value in facts.items())
