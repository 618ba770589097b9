"""What the doctor looks at of a stack: its file, the ZenML store, and whether the store has what the file says."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from driver.doctor_finding import Finding, asked, failed
from health_predict.errors import HealthPredictError, InputError
from stacks.dashboard import store_url
from stacks.stack_file import STACKS, StackFile, read_stack, stack_names, suggestion
from stacks.value_file import read_secret_values

if TYPE_CHECKING:
    from zenml.client import Client

FIRST_STACK = "local"
_SQLITE = "sqlite:///"
_REFERENCE = re.compile(r"\{\{\s*([\w-]+)\.([\w-]+)\s*\}\}")


@dataclass(frozen=True)
class Secrets:
    """The values behind the `{{name.key}}` of a stack file, and the files that it names for them."""

    values: Mapping[str, Mapping[str, str]] = field(repr=False)
    files: Mapping[str, Path] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:  # noqa: ANN401 - whatever a stack file holds
        """Put values in the place of references anywhere below `value`; InputError names one that is not known."""
        if isinstance(value, Mapping):
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        return self._value(found[1], found[2]) if found else value

    def _value(self, name: str, key: str) -> str:
        values = self.values.get(name, {})
        if key not in values:
            cure = f"mend {self.files[name]}" if name in self.files else f"zenml secret create {name} --{key}=..."
            raise InputError(f"the secret {name}.{key} is not known; {cure}")
        return values[key]


def secrets_of(stack: StackFile, client: "Client | None") -> tuple[Secrets, list[Finding]]:
    """Read the stack's files of secrets, and what else it refers to from the ZenML store.

    A file that is not as it must be is a finding, and its values are missing.
    """
    values: dict[str, Mapping[str, str]] = {}
    findings = []
    for name, file in stack.secrets.items():
        try:
            values[name] = read_secret_values(file)
            findings.append(Finding("secrets file", "ok", f"{file}, for its owner alone"))
        except HealthPredictError as error:
            trouble = failed("secrets file", error)
            findings.append(trouble if file.exists() else replace(trouble, cure="make services-up"))
    referred = {name for component in stack.components for name, _ in _REFERENCE.findall(str(component.configuration))}
    for name in referred - stack.secrets.keys() if client else ():
        with suppress(KeyError):
            found = client.get_secret(name, allow_partial_name_match=False, allow_partial_id_match=False)
            values[name] = found.secret_values
    return Secrets(values, stack.secrets), findings


def mentions(name: str, text: str) -> bool:
    """Tell whether a stack's file has this text, also where the file cannot be taken as it is."""
    return text in (STACKS / f"{name}.yaml").read_text(encoding="utf-8")


def open_existing_store() -> "tuple[Client | None, Finding]":
    """Return a client of the store, and what is to be said of it; None where there is none, since this makes none."""
    try:
        address = store_url()
    except InputError:
        cure = "the first run makes one, or: python -m stacks.apply local --activate"
        return None, Finding("ZenML store", "warn", "there is none yet", cure)
    file = Path(address.removeprefix(_SQLITE)) if address.startswith(_SQLITE) else None
    if file and not file.exists():
        cure = "put it back from a copy, or begin anew with `make clean`"
        return None, Finding("ZenML store", "FAIL", f"{file} is gone", cure)
    clients: list[Client] = []
    shown = str(file) if file else f"{urlparse(address).scheme}://{urlparse(address).hostname}"
    finding = asked("ZenML store", lambda: _open(clients, shown))
    return (clients[0] if clients else None), finding


def _open(clients: "list[Client]", shown: str) -> str:
    from stacks.registration import open_store

    clients.append(open_store())
    return f"answers ({shown})"


def check_name(option: str | None) -> None:
    """InputError if --stack names a stack that has no file."""
    if option is not None and option not in stack_names():
        raise InputError(f"there is no stack '{option}'{suggestion(option, stack_names())}")


def active_stack(client: "Client | None") -> str:
    """Return the active stack, or the one that a first run would begin with."""
    active = client.active_stack_model.name if client else None
    return active if active in stack_names() else FIRST_STACK


def registration_finding(name: str, changes: list[str]) -> Finding:
    """Tell whether the store has the stack as its file says; `changes` is what applying the file would do."""
    if not changes:
        return Finding("stack", "ok", f"{name} is registered as its file says")
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    cure = f"python -m stacks.apply {name} --activate"
    missing = "is not registered" in changes[0] and name != FIRST_STACK  # which the first run applies
    return Finding("stack", "FAIL" if missing else "warn", f"{changes[0]}{more}", cure)


def registered(client: "Client | None", store: Finding, stack: StackFile) -> Finding:
    """Compare the store with the stack's file and change neither; `store` is what was found of it."""
    if store.state == "FAIL":
        return Finding("stack", "warn", "not compared with its file: the store cannot be asked", "mend the store first")
    if client is None:
        return registration_finding(stack.name, [f"stack {stack.name} is not registered"])
    from stacks import registration

    with registration.store_failures():
        names = [model.name for model in client.list_stacks(name=stack.name)]
    if stack.name not in names:
        return registration_finding(stack.name, [f"stack {stack.name} is not registered"])
    return registration_finding(stack.name, registration.pending(client, stack, registration.check(client, stack)))


def use_registered(client: "Client", name: str) -> None:
    """Make a registered stack the one of this process, without applying its file."""
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(client.get_stack(name, allow_name_prefix_match=False).id)


def described(name: str) -> tuple[StackFile | None, Finding]:
    """Read a stack file; None, and why, if it cannot be taken."""
    try:
        stack = read_stack(name)
    except HealthPredictError as error:
        return None, failed("stack file", error)
    return stack, Finding("stack file", "ok", f"{name}, {len(stack.components)} components")
