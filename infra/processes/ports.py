"""Whether the ports are free, asked before anything starts."""

import socket
from collections.abc import Sequence
from contextlib import suppress

import psutil

from health_predict.errors import InfrastructureError
from infra.processes.program import Program
from infra.service_settings import HOST


def refuse_taken_ports(programs: Sequence[Program]) -> None:
    """InfrastructureError names the port, who holds it, and the variable that changes it."""
    for program in programs:
        if program.port and _taken(program.port[0]):
            port, variable = program.port
            raise InfrastructureError(
                f"{program.name}: port {port} is taken by {_holder(port)}; end that, or set {variable} to a free port"
            )


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _holder(port: int) -> str:
    with suppress(psutil.Error, OSError):  # another user's programs are not shown
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "a program of another user"
