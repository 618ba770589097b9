"""Who listens on a port, and whether the services' ports are free, asked before anything starts."""

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from health_predict.errors import InfrastructureError
from infra.processes.program import Program
from infra.service_settings import HOST


@dataclass(frozen=True)
class Holder:
    """The program that listens; process 0 is one that this user may not see."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})" if self.pid else self.name


def holder_of(port: int) -> Holder | None:
    """Who listens on a port of 127.0.0.1, None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return _holder(port)
    return None


def refuse_taken_ports(programs: Sequence[Program]) -> None:
    """InfrastructureError names the port, who holds it, and the variable that changes it."""
    for program in programs:
        if program.port and (holder := holder_of(program.port[0])):
            port, variable = program.port
            raise InfrastructureError(
                f"{program.name}: port {port} is taken by {holder}; end that, or set {variable} to a free port"
            )


def _holder(port: int) -> Holder:
    with suppress(psutil.Error, OSError):  # another user's programs are not shown
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return Holder(connection.pid, psutil.Process(connection.pid).name())
    return Holder(0, "a program of another user")
