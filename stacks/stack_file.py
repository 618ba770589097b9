"""A stack as a file: what stacks/<name>.yaml may say, read and checked without importing ZenML.

    components:                     # one per type that the stack uses
      <component type>:
        name: ...
        flavor: ...
        configuration: {...}        # optional; checked against the flavor's own schema when the stack is applied
    flavors: [module.Class, ...]    # custom flavors to register first
    mlflow_experiments:             # for a tracker on SQLite: where each experiment keeps its artifacts
      <experiment>: <folder>

`${STATE}` and `${PROJECT}` are the two folders, any other `${NAME}` an environment variable, or `${NAME:-default}` one
that may be unset or empty. Secrets never stand here: a secret field takes a reference to a ZenML secret,
`{{secret_name.key}}`.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from health_predict.errors import InputError
from stacks.environment import PROJECT, state_folder

STACKS = PROJECT / "stacks"
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
    """A stack as its file describes it; `experiments` maps an MLflow experiment to its artifact folder."""

    name: str
    path: Path
    components: tuple[Component, ...]
    flavors: tuple[str, ...]
    experiments: Mapping[str, str]

    def where(self, *keys: object) -> str:
        """The file and the place in it, as a message names them."""
        shown = self.path.relative_to(PROJECT) if self.path.is_relative_to(PROJECT) else self.path
        return f"{shown}: {'.'.join(map(str, keys))}"


def stack_names(folder: Path = STACKS) -> list[str]:
    """The stacks that have a file."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_stack(name: str, folder: Path = STACKS) -> StackFile:
    """Read and check stacks/<name>.yaml.

    Raises InputError: no such stack, not YAML, an unknown or missing key, a wrong type, an undefined variable.
    """
    if name not in stack_names(folder):
        raise InputError(f"there is no stack '{name}'{suggestion(name, stack_names(folder))}")
    path = folder / f"{name}.yaml"
    content = _mapping(_load(path), path.name)
    _refuse_unknown(content, {"components", "flavors", "mlflow_experiments"}, path.name)
    components = _mapping(content.get("components"), f"{path.name}: components")
    return StackFile(
        name=name,
        path=path,
        components=tuple(_component(type_, entry, path.name) for type_, entry in components.items()),
        flavors=tuple(_texts(content.get("flavors", []), f"{path.name}: flavors")),
        experiments=_experiments(content.get("mlflow_experiments", {}), f"{path.name}: mlflow_experiments"),
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


def _component(type_: str, entry: object, file: str) -> Component:
    where = f"{file}: components.{type_}"
    values = _mapping(entry, where)
    _refuse_unknown(values, {"name", "flavor", "configuration"}, where)
    name, flavor = (_text(values.get(key), f"{where}.{key}") for key in ("name", "flavor"))
    configuration = _mapping(values.get("configuration", {}), f"{where}.configuration")
    return Component(type_, name, flavor, _expand(configuration, f"{where}.configuration"))


def _experiments(entry: object, where: str) -> dict[str, str]:
    values = _mapping(entry, where)
    return {name: _text(_expand(value, f"{where}.{name}"), f"{where}.{name}") for name, value in values.items()}


def _expand(value: Any, where: str) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Replace `${NAME}` in every text below `value`."""
    if isinstance(value, dict):
        return {key: _expand(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _VARIABLE.sub(lambda match: _variable(match[1], match[2], where), value) if isinstance(value, str) else value


def _variable(name: str, default: str | None, where: str) -> str:
    folders = {"STATE": str(state_folder()), "PROJECT": str(PROJECT)}
    found = folders.get(name) or os.environ.get(name, default)
    if default is not None:
        return found or default
    if found is None:
        raise InputError(f"{where}: the environment variable {name} is not set")
    return found


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
