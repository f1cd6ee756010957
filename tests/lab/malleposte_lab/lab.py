"""A lab: several projects, the faults that can be made among them, and all their events in one list."""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from malleposte_lab.events import EventLog
from malleposte_lab.faults import Faults
from malleposte_lab.launch import Plan, running_project
from malleposte_lab.parties import Parties
from malleposte_lab.project import Project


class Lab:
    """What runs. ``listings`` are called for a failed test: file name -> what to write into it, as a site's queue."""

    def __init__(self, projects: Mapping[str, Project], events: EventLog, image: str) -> None:
        self.projects = projects
        self.events = events
        self.parties = Parties(projects, image)
        self.faults = Faults(self.parties, self.watch)
        self.listings: dict[str, Callable[[], str]] = {}

    def watch(self, names: Sequence[str]) -> Callable[[], object]:
        """Called before parties are started: returns what waits until they work. A lab that knows how overrides it."""
        return lambda: None

    def save(self, directory: Path) -> None:
        """Leave behind what a failed test is understood by: logs of all containers, events, faults and listings."""
        for project in self.projects.values():
            project.save_logs(directory)
        events = sorted(self.events.matching(), key=lambda event: float(event.get("time", 0)))
        (directory / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        (directory / "faults.txt").write_text("".join(f"{fault.began:.3f} {fault.ended:.3f} {fault}\n" for fault in self.faults.history))
        for name, listing in self.listings.items():
            try:
                text = listing()
            except (OSError, LookupError, subprocess.SubprocessError) as error:  # what is listed may be what broke
                text = f"no listing: {error}\n"
            (directory / name).write_text(text)


@contextmanager
def running_lab(plan: Plan, image: str) -> Iterator[Lab]:
    """One project, whatever it is; at the end it is taken down with its volumes, unless ``LAB_KEEP=yes``.

    Its containers are reached by ``lab.parties.addresses(service)`` (on Linux), its parties have the names of its services.
    """
    with running_project(plan, {}) as (project, log):
        yield Lab({plan.name: project}, log, image)
