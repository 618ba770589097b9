"""A stack as a file: what stacks/<name>.yaml may say, read and checked without importing ZenML.

    components:                     # one per type that the stack uses
      <component type>:
        name: ...
        flavor: ...
        configuration: {...}        # optional; checked against the flavor's own schema when the stack is applied
    flavors: [module.Class, ...]    # custom flavors to register first
    mlflow_experiments:             # for a tracker on SQLite: where each experiment keeps its artifacts
      <experiment>: <folder>
    variables: <file>               # KEY=VALUE lines; each defines ${KEY} where the environment does not
    secrets:                        # ZenML secrets to keep, made from files of KEY=VALUE lines with mode 0600
      <secret name>: <file>

`${STATE}` and `${PROJECT}` are the two folders, any other `${NAME}` an environment variable or else a line of the file
of variables, or `${NAME:-default}` one that may be unset or empty. Secrets never stand here: a secret field takes a
reference to a ZenML secret, `{{secret_name.key}}`. Of a file of secrets, ZenML gets the keys that are referred to.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from health_predict.errors import InfrastructureError, InputError
from stacks.environment import PROJECT, state_folder
from stacks.value_file import read_values

STACKS = PROJECT / "stacks"
_KEYS = {"components", "flavors", "mlflow_experiments", "variables", "secrets"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True)
class Component:
    """One stack component: its ZenML type, name, flavor and configuration, variables expanded."""

    type: str
    name: str
    flavor: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class StackFile:
    """A stack as its file describes it.

    Attributes:
        experiments: MLflow experiment to its artifact folder.
        secrets: ZenML secret to the file that it is made from.
    """

    name: str
    path: Path
    components: tuple[Component, ...]
    flavors: tuple[str, ...]
    experiments: Mapping[str, str]
    secrets: Mapping[str, Path]

    def where(self, *keys: object) -> str:
        """The file and the place in it, as a message names them."""
        shown = self.path.relative_to(PROJECT) if self.path.is_relative_to(PROJECT) else self.path
        return f"{shown}: {'.'.join(map(str, keys))}"


def stack_names(folder: Path = STACKS) -> list[str]:
    """The stacks that have a file."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_stack(name: str, folder: Path = STACKS) -> StackFile:
    """Read and check stacks/<name>.yaml.

    Raises InputError: no such stack, not YAML, an unknown or missing key, a wrong type, an undefined variable;
    InfrastructureError: a variable is to be looked up in a file of variables that is not there.
    """
    if name not in stack_names(folder):
        raise InputError(f"there is no stack '{name}'{suggestion(name, stack_names(folder))}")
    path = folder / f"{name}.yaml"
    content = _mapping(_load(path), path.name)
    _refuse_unknown(content, _KEYS, path.name)
    variables = _variables(content.get("variables"), path.name)
    components = _mapping(content.get("components"), f"{path.name}: components")
    experiments, secrets = (
        variables.texts(content.get(key, {}), f"{path.name}: {key}") for key in ("mlflow_experiments", "secrets")
    )
    return StackFile(
        name=name,
        path=path,
        components=tuple(_component(type_, entry, path.name, variables) for type_, entry in components.items()),
        flavors=tuple(_texts(content.get("flavors", []), f"{path.name}: flavors")),
        experiments=experiments,
        secrets={secret: PROJECT / file for secret, file in secrets.items()},
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, else all of them."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known: {', '.join(sorted(known))}"


def _load(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path.name}{line}: not valid YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path.name}: cannot be read: {error}") from error


def _component(type_: str, entry: object, file: str, variables: "_Variables") -> Component:
    where = f"{file}: components.{type_}"
    values = _mapping(entry, where)
    _refuse_unknown(values, {"name", "flavor", "configuration"}, where)
    name, flavor = (_text(values.get(key), f"{where}.{key}") for key in ("name", "flavor"))
    configuration = _mapping(values.get("configuration", {}), f"{where}.configuration")
    return Component(type_, name, flavor, variables.expand(configuration, f"{where}.configuration"))


def _variables(entry: object, file: str) -> "_Variables":
    if entry is None:
        return _Variables(None)
    where = f"{file}: variables"
    return _Variables(PROJECT / _text(_Variables(None).expand(entry, where), where))


@dataclass(frozen=True)
class _Variables:
    """What `${NAME}` stands for; the file is not read until a name is looked up in it."""

    file: Path | None

    def expand(self, value: Any, where: str) -> Any:  # noqa: ANN401 - whatever YAML holds
        """Replace `${NAME}` in every text below `value`."""
        if isinstance(value, dict):
            return {key: self.expand(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, str):
            return _VARIABLE.sub(lambda match: self._value(match[1], match[2], where), value)
        return value

    def texts(self, entry: object, where: str) -> dict[str, str]:
        """The same for a mapping of names to texts."""
        values = _mapping(entry, where)
        return {name: _text(self.expand(value, f"{where}.{name}"), f"{where}.{name}") for name, value in values.items()}

    def _value(self, name: str, default: str | None, where: str) -> str:
        folders = {"STATE": str(state_folder()), "PROJECT": str(PROJECT)}
        found = folders.get(name) or os.environ.get(name)
        if not found and self.file and (default is None or self.file.exists()):
            found = self._of_file.get(name, found)
        if default is not None:
            return found or default
        if found is None:
            nor = f" and {self.file} has no line for it" if self.file else ""
            raise InputError(f"{where}: the environment variable {name} is not set{nor}")
        return found

    @cached_property
    def _of_file(self) -> dict[str, str]:
        if self.file and not self.file.exists():
            services = self.file.is_relative_to(state_folder() / "services")
            cure = "run: make services-up" if services else "the head of the stack file says what writes it"
            raise InfrastructureError(f"{self.file}: the stack's file of variables is not there; {cure}")
        return read_values(self.file) if self.file else {}


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{where}: expected `key: value` lines")
    return value


def _texts(value: object, where: str) -> list[str]:
    if not isinstance(value, list):
        raise InputError(f"{where}: expected a list")
    return [_text(item, f"{where}[{index}]") for index, item in enumerate(value)]


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: expected a text")
    return value


def _refuse_unknown(values: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in values:
        if key not in known:
            raise InputError(f"{where}: unknown key '{key}'{suggestion(key, known)}")
