"""What a supervised program is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Program:
    """One program of the services.

    Attributes:
        command: without secrets, since every user of the machine can read it.
        environment: all that the program gets besides PATH and the like; may hold secrets.
        check: says what is wrong with it, in words without secrets; empty if it does its work.
        ready: done once when it first answers: what others expect to find in it.
        port: what it listens on, and the variable that changes it.
        after: the programs that must be healthy before it starts.
        once: it does something and ends, instead of staying.
        user: whom it runs as, empty for the user who starts it.
    """

    name: str
    command: tuple[str, ...]
    check: Callable[[], str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Callable[[], None] | None = None
    port: tuple[int, str] | None = None
    after: tuple[str, ...] = ()
    once: bool = False
    user: str = ""
    stop_signal: str = "TERM"
    stop_seconds: int = 20
