"""How a server's process is set up between fork and exec: whose it is, what it may, and with whom it ends.

PostgreSQL refuses to run as root, so root's servers run as `nobody`. Where the project or its environment lies below
a private folder, `nobody` keeps one capability, to read there; no program is copied and no mode of a folder is
changed. Where root is root of a container without these rights, a user namespace shows the server another number for
the same user; so it does where the user has no name.
"""

import ctypes
import os
import pwd
import signal
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from config.embedded.errors import ServersUnavailable

# Numbers of <linux/capability.h>, <linux/prctl.h> and <linux/sched.h>.
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP = 0, 1, 2, 5, 6, 7, 8
PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
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
        """Make a file, or a folder with all that is in it, the server's own: it was made under this confinement, or
        under another one when root ran the project elsewhere."""
        owner = (self.uid, self.gid) if self.becomes else (os.geteuid(), os.getegid())
        if os.geteuid() == 0 and path.stat().st_uid != owner[0]:
            for inner in (path, *path.rglob("*")):
                os.chown(inner, *owner, follow_symlinks=False)

    def enter(self, *, parent: int, death_signal: signal.Signals) -> None:
        """Run in the child, between fork and exec. Errors: OSError, which `subprocess` reports to the parent."""
        if self.namespace:
            _enter_namespace(self.uid, self.gid)
        elif self.becomes:
            _become(self.uid, self.gid, self.capability)
        end_with(parent, death_signal)


def end_with(parent: int, death_signal: signal.Signals) -> None:
    """Have the kernel signal this process when its parent ends. Run in the child, last before exec.

    A later change of user would clear it, and it follows the parent's thread that forked, which must be the main one.
    """
    # What a shell starts in the background ignores SIGQUIT, and what that starts inherits it. SIGKILL nobody ignores.
    if death_signal != signal.SIGKILL:
        signal.signal(death_signal, signal.SIG_DFL)
    _checked(_libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
    # A parent that died before has sent nothing.
    if os.getppid() != parent:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def confinement_for(*, programs: Iterable[Path], folders: Iterable[Path]) -> Confinement:
    """The least confinement under which a server can run `programs` and use `folders`, given who runs this process.

    Errors: ServersUnavailable, where root has neither another user to become nor the right to read as that user.
    """
    uid, gid = _nobody()
    if os.geteuid() != 0:
        # Containers run under numbers that no name belongs to; initdb wants one.
        namespace = not _has_name(os.geteuid()) and _may_enter_namespace(uid, gid)
        return Confinement(uid=uid, gid=gid, namespace=True) if namespace else Confinement(os.geteuid(), os.getegid())
    nobody = Confinement(uid=uid, gid=gid, becomes=True)
    held = _capabilities_held()
    if {CAP_CHOWN, CAP_KILL, CAP_SETGID, CAP_SETUID} <= held and _is_mapped(uid):
        programs, folders = list(programs), list(folders)
        runnable = all(program.stat().st_mode & 0o5 == 0o5 for program in programs)
        if runnable and all(_is_open_to_others(path) for path in (*programs, *folders)):
            return nobody
        # The weaker one passes and reads every folder; only the other one runs a program that is not for everyone.
        candidates = (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if runnable else (CAP_DAC_OVERRIDE,)
        for capability in candidates:
            if {capability, CAP_SETPCAP} <= held:
                return replace(nobody, capability=capability)
    if _may_enter_namespace(uid, gid):
        return Confinement(uid=uid, gid=gid, namespace=True)
    raise ServersUnavailable(
        "PostgreSQL does not run as root, and the user nobody cannot be given access to this folder: run as another "
        "user, move the project with its .venv to a folder that everyone may read, or set DATABASE_URL and REDIS_URL"
    )


def _nobody() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return NOBODY, NOBODY
    return entry.pw_uid, entry.pw_gid


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _capabilities_held() -> set[int]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            return {number for number in range(bits.bit_length()) if bits >> number & 1}
    return set()


def _is_mapped(uid: int) -> bool:
    ranges = (line.split() for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)


def _is_open_to_others(path: Path) -> bool:
    """Whether anyone may pass every folder on the way to a path."""
    return all(folder.stat().st_mode & 0o1 for folder in path.resolve().parents)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(uid: int, gid: int, capability: int | None) -> None:
    if capability is not None:
        # Keeps the capabilities over the change of user; and access(2), by which PostgreSQL looks at its programs,
        # would otherwise not count them.
        _checked(_libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0))
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


def _may_enter_namespace(uid: int, gid: int) -> bool:
    """Try it in a child, since there is no way back out."""
    child = os.fork()
    if child == 0:
        try:
            _enter_namespace(uid, gid)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
