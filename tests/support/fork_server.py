"""Runs the command line in forks of a process that has imported it already: a run costs a tenth of a new process.

A run has its own file descriptors, folder, environment and interpreter exit. What an interpreter reads when it starts (`PYTHON…`
variables, the locale) is that of the server, so runs that set these need a new process.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SLOW_IMPORTS = ("rich.console", "rich.progress", "rich.table", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet")
"""What most commands import on their own."""
_LENGTH = struct.Struct("!I")


class ForkServer:
    """The server of one environment; a process of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from tests.support import fork_server; fork_server.serve()", str(theirs.fileno())],
                env={**env, "PYTHONPATH": os.pathsep.join([env["PYTHONPATH"], str(Path(__file__).parents[2])])},
                pass_fds=[theirs.fileno()],
            )  # fmt: skip

    def run(
        self, arguments: list[str], data: bytes, cwd: Path, env: dict[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Runs a command; returns its exit status (negative: the signal) and its output."""
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(data)
            files[0].seek(0)
            pipe = subprocess.Popen(["cat"], stdin=files[0], stdout=subprocess.PIPE)
            stack.enter_context(pipe)
            assert pipe.stdout is not None
            request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": env}).encode()
            descriptors = array.array("i", [pipe.stdout.fileno(), *(file.fileno() for file in files[1:])])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
            self._socket.settimeout(timeout)
            self._socket.sendmsg([_LENGTH.pack(len(request)) + request], ancillary)
            (status,) = struct.unpack("!i", _receive(self._socket, 4))
            for file in files[1:]:
                file.seek(0)
            return status, files[1].read(), files[2].read()

    def close(self) -> None:
        """Ends the server."""
        self._socket.close()
        self._process.wait(30)


def _receive(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = connection.recv(size - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def serve() -> None:
    """The main function of the server: forks for each request; a fork returns to run the command and exit as any program."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    from respstream.cli import main

    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        try:
            descriptors = array.array("i")
            first, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(12))
            if not first:
                return
            descriptors.frombytes(ancillary[0][2])
            (size,) = _LENGTH.unpack(first + _receive(connection, 4 - len(first)))
            request = json.loads(_receive(connection, size))
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            connection.close()
            _become(request, list(descriptors))
            main()
            return
        for descriptor in descriptors:
            os.close(descriptor)
        connection.sendall(struct.pack("!i", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Takes the descriptors, the folder, the environment and the arguments of a run."""
    for target, descriptor in enumerate(descriptors):
        os.dup2(descriptor, target)
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [str(Path(sys.modules["respstream"].__file__ or "").with_name("__main__.py")), *request["arguments"]]
