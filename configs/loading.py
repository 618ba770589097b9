"""Reads a pipeline's configuration: configs/<pipeline>.yaml, over it a profile or file, over that `--set` pairs."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from health_predict.errors import InputError

FOLDER = Path(__file__).parent
PROFILES = FOLDER / "profiles"
DEFAULT_PROFILE = "quick"  # of a pipeline that has profiles; a user's own file is laid over it


class Settings(BaseModel):
    """A typed block of a configuration; unknown keys are refused and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Settings)


def load(kind: type[Model], pipeline: str, config: str | None = None, pairs: Sequence[str] = ()) -> Model:
    """Load and check the configuration of a pipeline.

    Args:
        config: the name of a profile (configs/profiles/<pipeline>/<name>.yaml), or a YAML file that is laid over
            profile quick where the pipeline has profiles.
        pairs: `key=value` with dotted keys, values in YAML.

    Raises:
        InputError: no such profile or file, no YAML, an unknown key (with a suggestion) or a value out of range.
    """
    merged = _read(FOLDER / f"{pipeline}.yaml")
    files = _files(pipeline, config)
    for addition in (*map(_read, files), *map(_pair, pairs)):
        merged = _merge(merged, addition)
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        last = files[-1] if files else FOLDER / f"{pipeline}.yaml"
        raise InputError(_one_line(error, kind, last, bool(pairs))) from None


def _files(pipeline: str, config: str | None) -> tuple[Path, ...]:
    """What lies over configs/<pipeline>.yaml, in order."""
    profiles = {path.stem: path for path in (PROFILES / pipeline).glob("*.yaml")}
    default = (profiles[DEFAULT_PROFILE],) if profiles else ()
    if config is None:
        return default
    if config in profiles:
        return (profiles[config],)
    if Path(config).is_file():
        return (*default, Path(config))
    what = f"neither a profile ({', '.join(sorted(profiles))}) nor" if profiles else "not"
    raise InputError(f"--config {config}: {what} a YAML file")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise InputError(f"{path}: not readable as YAML{line}; correct it") from None
    if not isinstance(content, dict | None):
        raise InputError(f"{path}: a mapping of keys to values is expected")
    return content or {}


def _pair(pair: str) -> dict[str, Any]:
    key, equals, text = pair.partition("=")
    if not equals or not key:
        raise InputError(f"--set {pair}: write it as key=value, for example --set search.trials=50")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"--set {key}: the value is not readable as YAML") from None
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def _merge(base: Mapping[str, Any], addition: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in addition.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _one_line(error: ValidationError, kind: type[Settings], path: Path, paired: bool) -> str:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    where = f"{path.name} or --set" if paired else path.name
    if first["type"] != "extra_forbidden":
        return f"{where}: {key}: {first['msg']}"
    known = sorted(_keys(kind))
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    cure = f"did you mean {close[0]}?" if close else f"known keys: {', '.join(known)}"
    return f"{where}: unknown key {key}; {cure}"


def _keys(kind: type[Settings], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in kind.model_fields.items():
        block = field.annotation
        nested = isinstance(block, type) and issubclass(block, Settings)
        keys += [f"{prefix}{name}", *(_keys(block, f"{prefix}{name}.") if nested else [])]
    return keys
