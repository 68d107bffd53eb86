"""How a server's process is set up between fork and exec: whose it is, what it may, and with whom it ends.

PostgreSQL refuses to run as root, so root's servers run as `nobody`. Where the project or its environment lies below
a private folder, `nobody` keeps one capability, to pass and read folders; no program is copied and no mode of a
folder is changed. Where root is not the machine's root and has no other user to become, a user namespace shows the
process another number for the same user.
"""

import ctypes
import os
import pwd
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import ServersUnavailable

# Numbers of <linux/capability.h>, <linux/prctl.h> and <linux/sched.h>.
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_SETGID, CAP_SETUID = 0, 1, 2, 6, 7
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CLONE_NEWUSER = 0x10000000
CAPABILITY_VERSION_3 = 0x20080522
NOBODY = 65534

# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


@dataclass(frozen=True)
class Confinement:
    """Whose process a server is. `capability` is a capability's number, `namespace` asks for a user namespace."""

    uid: int
    gid: int
    becomes: bool = False
    capability: int | None = None
    namespace: bool = False

    def own(self, path: Path) -> None:
        """Make a file or folder the server's own."""
        if self.becomes:
            os.chown(path, self.uid, self.gid)

    def enter(self, *, parent: int, death_signal: signal.Signals) -> None:
        """Run in the child, between fork and exec. Errors: OSError, which `subprocess` reports to the parent."""
        if self.namespace:
            _enter_namespace(self.uid, self.gid)
        elif self.becomes:
            _become(self.uid, self.gid, self.capability)
        # A change of user clears the death signal: it must be set last. A parent that died before has sent none.
        _checked(_libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
        if os.getppid() != parent:
            os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])


def confinement_for(paths: Iterable[Path]) -> Confinement:
    """The least confinement under which a server can read `paths`, given who runs this process.

    Errors: ServersUnavailable, where root has neither another user to become nor the right to read as that user.
    """
    if os.geteuid() != 0:
        return Confinement(uid=os.geteuid(), gid=os.getegid())
    uid, gid = _nobody()
    held = _capabilities_held()
    if not {CAP_CHOWN, CAP_SETGID, CAP_SETUID} <= held or not _is_mapped(uid):
        return Confinement(uid=uid, gid=gid, namespace=True)
    if all(_open_to_others(path) for path in paths):
        return Confinement(uid=uid, gid=gid, becomes=True)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if capability in held:
            return Confinement(uid=uid, gid=gid, becomes=True, capability=capability)
    raise ServersUnavailable(
        "PostgreSQL does not run as root, and the user nobody cannot read this folder: "
        "run as another user, or move the project and its .venv to a folder that others may read"
    )


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return entry.pw_uid, entry.pw_gid


def _capabilities_held() -> set[int]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            return {number for number in range(bits.bit_length()) if bits >> number & 1}
    return set()


def _is_mapped(uid: int) -> bool:
    ranges = (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)


def _open_to_others(path: Path) -> bool:
    """Whether anyone may pass every folder on the way, and read and enter the path itself."""
    resolved = path.resolve()
    return resolved.stat().st_mode & 0o5 == 0o5 and all(folder.stat().st_mode & 0o1 for folder in resolved.parents)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(uid: int, gid: int, capability: int | None) -> None:
    if capability is not None:
        _checked(_libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        # All others are dropped here; the ambient set is what outlives the exec.
        bits = 1 << capability
        sets = (_CapabilitySets * 2)(_CapabilitySets(bits, bits, bits), _CapabilitySets(0, 0, 0))
        _checked(_libc.capset(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets))
        _checked(_libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _checked(_libc.unshare(CLONE_NEWUSER))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        Path("/proc/self", name).write_text(text)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
