"""Becomes a command after setting what a child must not inherit by chance. Run as a script, never imported.

``python -I -S guard.py PARENT DEATH_SIGNAL UID GID SEARCH COMMAND...``; ``-`` leaves a thing as it is.
A script of its own and not a ``preexec_fn``: that runs Python between fork and exec, which can deadlock in a
process with threads.

* PARENT, DEATH_SIGNAL: the kernel sends this signal when the parent dies, also by SIGKILL (Linux only).
* UID, GID: drop to this user. PostgreSQL refuses to run as root.
* SEARCH=1: keep the right to walk through folders that only root may enter (a checkout below /root), so that
  nobody has to open them to everyone.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def _prctl(libc: ctypes.CDLL, *args: int) -> None:
    padded = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:5]]
    if libc.prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl{args}")


def _held_capability() -> int:
    with open("/proc/self/status") as status:
        held = next(int(line.split()[1], 16) for line in status if line.startswith("CapPrm:"))
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):  # the weaker one first
        if held >> capability & 1:
            return capability
    raise PermissionError("root lacks the capability to search folders of others")


def _drop_to(libc: ctypes.CDLL, uid: int, gid: int, search: bool) -> None:
    capability = _held_capability() if search else None
    if capability is not None:
        _prctl(libc, PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        bit = 1 << capability
        header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; low, high
        if libc.capset(header, data) != 0:
            raise OSError(ctypes.get_errno(), "capset")
        _prctl(libc, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def main(parent: str, death_signal: str, uid: str, gid: str, search: str, *command: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if uid != "-":
        _drop_to(libc, int(uid), int(gid), search == "1")
    if death_signal != "-" and sys.platform == "linux":
        _prctl(libc, PR_SET_PDEATHSIG, int(death_signal))  # after setuid, which clears it
        if os.getppid() != int(parent):  # it died before the line above
            sys.exit("the parent process is gone")
    os.execvp(command[0], command)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[6]}: {error}")
