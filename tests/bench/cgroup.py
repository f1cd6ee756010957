"""What the kernel has counted for a container: an engine on this machine takes a second to say it, the kernel's files say it at once."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def cpu_seconds(process: int, root: Path = ROOT, processes: Path = Path("/proc")) -> float | None:
    """CPU seconds of the control group of a process; ``None`` where that cannot be read, as with an engine on another machine."""
    try:
        for line in (processes / f"{process}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "cpuacct" in controllers.split(","):
                return int((root / "cpuacct" / path.lstrip("/") / "cpuacct.usage").read_text()) / 1e9
            if not controllers and (stat := root / path.lstrip("/") / "cpu.stat").exists():
                return int(dict(map(str.split, stat.read_text().splitlines()))["usage_usec"]) / 1e6
    except (OSError, KeyError):
        pass
    return None
