"""Accidents while files are written: each step that changes a file is counted, and one goes wrong."""

import builtins
import errno
import os
import signal
import stat

from arlm_helpers.training import tensor_files


class Faults:
    """Steps - open, write (one half is written by then), fsync, rename, remove - and what strikes at one."""

    def __init__(self, at=0, strike=None):
        self.at, self.strike, self.log = at, strike, []

    def reached(self, what):
        """Called just before each step, in the order of the steps."""
        self.log.append(what)
        if len(self.log) == self.at:
            self.strike()

    def install(self, patch=setattr):
        """Put the counting in front of the system's own functions."""
        for name in ("replace", "fsync", "unlink"):
            patch(os, name, self.counted(name, getattr(os, name)))
        tensor_files.open = self.half_written
        return self

    def half_written(self, path, mode):
        """Stands in for ``open``."""
        return HalfWritten(builtins.open(path, mode), self)

    def counted(self, name, function):
        def counting(target, *arguments, **options):
            what = "folder" if isinstance(target, int) and is_folder(target) else suffix(target)
            self.reached(f"{name} {what}")
            return function(target, *arguments, **options)

        return counting


class HalfWritten:
    """A file that is written in two halves, between which something may happen."""

    def __init__(self, file, faults):
        self.file, self.faults = file, faults
        faults.reached(f"open {suffix(file.name)}")

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        self.faults.reached(f"write {suffix(self.file.name)}")
        self.file.write(content[len(content) // 2 :])

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


def is_folder(descriptor):
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def suffix(target):
    """``step_00000001.json.1f….tmp`` -> ``json``; a descriptor -> ``file``."""
    return "file" if isinstance(target, int) else os.path.basename(target).split(".")[1]


def disk_full():
    """What the system says when there is no room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def power_cut():
    """The process ends here, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def forked(work):
    """Do ``work`` in a copy of this process; its exit code, negative if a signal ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
