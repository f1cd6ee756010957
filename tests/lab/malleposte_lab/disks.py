"""Disks that can lose their power: file systems that forget what was not synced, as all do when the current fails.

ext4 has a call for it (``EXT4_IOC_SHUTDOWN``, also of xfs and f2fs): from then on nothing reaches the device any more, not even the journal. Mounted
again the file system is as a machine finds it that was switched off. A disk of its own takes a loop device, and so a kernel that has them and a
Docker that may use them (``compose.disk.yaml``); elsewhere the lab does without.
"""

from typing import Any

import docker
from docker.errors import APIError, ContainerError

FORGET = "import fcntl, os, sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, b'\\2\\0\\0\\0')"
"""Python: cut the power of the file system at the path that is the first word. The flag says that the journal is not written out before."""
LOOP_DEVICES = ["b 7:* rwm", "c 10:237 rwm"]
"""As cgroups name them and what makes them (Linux devices.txt)."""
TRIAL = f"""set -e
truncate -s 8m /disk/trial; mkfs.ext4 -q /disk/trial
device=$(losetup -f --show /disk/trial); mkdir /disk/at
mount "$device" /disk/at && losetup -d "$device"
python3 -c "{FORGET}" /disk/at
umount /disk/at"""


def can_lose_power(image: str) -> bool:
    """Whether this machine lets a container make such a disk."""
    rights: dict[str, Any] = {"cap_add": ["SYS_ADMIN"], "security_opt": ["apparmor=unconfined"], "device_cgroup_rules": LOOP_DEVICES}
    places: dict[str, Any] = {"network_mode": "none", "tmpfs": {"/disk": ""}, "volumes": ["/dev:/dev"]}
    try:
        docker.from_env().containers.run(image, ["-c", TRIAL], entrypoint=["sh"], remove=True, **rights, **places)
    except (APIError, ContainerError):
        return False
    return True
