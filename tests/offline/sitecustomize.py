"""No network under test: connecting to, or looking up, anything but this machine raises ``OSError``.

Python imports a module of this name as it starts. ``conftest.py`` puts this folder first on PYTHONPATH, so it
also holds in the kernels of the notebooks and in every other Python process that a test starts.
"""

import importlib.machinery
import importlib.util
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
SENDERS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
HERE = {"", "localhost", "::1", "0.0.0.0", "::"}


def is_here(host: object) -> bool:
    """Whether ``host`` names this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    return name is None or name in HERE or str(name).startswith("127.")


def refuse_network(event: str, arguments: tuple) -> None:
    """Audit hook: it sees the call whichever way it was reached."""
    if event in LOOKUPS:
        host = arguments[0]
    elif event in SENDERS and isinstance(arguments[1], tuple) and isinstance(arguments[1][0], str):
        host = arguments[1][0]  # an internet address; Unix sockets have a plain path
    else:
        return
    if not is_here(host):
        raise OSError(f"no network under test: {event} to {host!r}")


def run_the_module_we_hide() -> None:
    """Some installations have a sitecustomize of their own; run it, too."""
    others = [folder for folder in sys.path if os.path.abspath(folder) != FOLDER]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.addaudithook(refuse_network)
if __name__ == "sitecustomize":
    run_the_module_we_hide()
