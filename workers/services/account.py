"""Which account Postgres runs as, and how that account gets to its files.

Postgres refuses to run as root. An ordinary user's server runs as that user; root's runs as the
system account `ledgermill`, which is made where it is missing, or as `nobody` where there is no
`useradd`. That account has to pass through the folders above the data folder, say `/root`: it
alone is let through, by an access control list, or, on a file system without these, everybody is
(`o+x`: passing through, not listing).
"""

from __future__ import annotations

import os
import pwd
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.services.place import ServiceError

NAME = "ledgermill"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id to run a server as; `None` is whoever runs this process."""

    uid: int | None = None
    gid: int | None = None

    def spawn(self) -> dict[str, Any]:
        """Return the arguments of `subprocess` that run a command as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account(data: Path) -> Account:
    """Return the account for the server of `data`: its owner, once the folder is there."""
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (found := data.stat()).st_uid != 0:
        return Account(found.st_uid, found.st_gid)
    for name in (NAME, "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            if name != NAME or not _add_account():
                continue
            user = pwd.getpwnam(name)
        if user.pw_uid != 0:
            return Account(user.pw_uid, user.pw_gid)
    raise ServiceError(
        "Postgres does not run as root and there is no account for it; "
        f"add one: useradd --system {NAME}"
    )


def _add_account() -> bool:
    command = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if command is None:
        return False
    options = ["--system", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(
        [command, *options, "--shell", "/usr/sbin/nologin", NAME], capture_output=True, check=False
    )
    return done.returncode in (0, 9)  # 9: another process has just added it


def let_through(folder: Path, who: Account) -> None:
    """Let `who` pass through `folder` and every folder above it."""
    if who.uid is None or _passes(folder, who):
        return
    for ancestor in [*reversed(folder.parents), folder]:
        if not _passes(ancestor, who):
            _grant(ancestor, who)
    if not _passes(folder, who):
        raise ServiceError(
            f"{folder}: the database's account (uid {who.uid}) cannot get there; set "
            "LEDGERMILL_HOME to a folder such as /var/lib/ledgermill"
        )


def _passes(folder: Path, who: Account) -> bool:
    # The kernel is asked, as that account: modes alone do not tell it all.
    return run_as(who, ["/bin/sh", "-c", 'cd -P -- "$1"', "sh", str(folder)]) == 0


def run_as(who: Account, command: list[str]) -> int:
    """Run a short command as `who` and return its exit status, 126 if it cannot be run."""
    try:
        done = subprocess.run(
            command, cwd="/", capture_output=True, timeout=30, check=False, **who.spawn()
        )
    except PermissionError as error:
        if error.filename is None:  # not the command: changing the user was refused
            raise ServiceError(
                "Postgres does not run as root and this root may not change its user "
                f"({error.strerror}); run ledgermill as an ordinary user"
            ) from error
        return 126
    except (OSError, subprocess.TimeoutExpired):
        return 126
    return done.returncode


_ACL = "system.posix_acl_access"
_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def _grant(folder: Path, who: Account) -> None:
    assert who.uid is not None
    mode = folder.stat().st_mode
    try:
        entries = _read_acl(folder) or [
            (_USER_OBJ, mode >> 6 & 7, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
        entries = [e for e in entries if (e[0], e[2]) != (_USER, who.uid)]
        group = next(e[1] for e in entries if e[0] == _GROUP_OBJ)
        if not any(e[0] == _MASK for e in entries):
            entries.append((_MASK, group, _NO_ID))
        # What the mask newly lets through is x only; the group's own entry stays as it was.
        entries = [(t, p | 1 if t == _MASK else p, i) for t, p, i in entries]
        entries.append((_USER, 1, who.uid))
        entries.sort(key=lambda e: (e[0], e[2]))
        packed = struct.pack("<I", _VERSION) + b"".join(struct.pack("<HHI", *e) for e in entries)
        os.setxattr(folder, _ACL, packed)
    except OSError:
        folder.chmod(mode & 0o7777 | 0o001)


def _read_acl(folder: Path) -> list[tuple[int, int, int]]:
    try:
        packed = os.getxattr(folder, _ACL)
    except OSError:
        return []
    return [
        (tag, permissions, identity)
        for tag, permissions, identity in struct.iter_unpack("<HHI", packed[4:])
    ]
