"""Brings a ZenML store to what a stack file says. Imports ZenML: `stacks.environment.prepare()` comes first."""

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import requests
from pydantic import ValidationError
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.enums import StackComponentType
from zenml.models import ComponentResponse, FlavorResponse, FlavorUpdate
from zenml.stack import Flavor
from zenml.stack.flavor import validate_flavor_source
from zenml.utils import secret_utils, source_utils

from health_predict.errors import InfrastructureError, InputError
from stacks.stack_file import Component, StackFile, suggestion

_KNOCK = 10.0  # seconds
_CREDENTIALS = re.compile(r"://[^/@\s:]*:[^/@\s]+@")


def open_store() -> Client:
    """A client whose store answers; creates the project's own store on first use.

    Raises InfrastructureError when the server does not answer or the database cannot be opened.
    """
    with _without_chatter():
        client = Client()
        _knock(GlobalConfiguration().store_configuration.url)
        with store_failures():
            client.zen_store.get_store_info()
    return client


def _knock(address: str) -> None:
    """ZenML retries an unreachable server for 40 seconds: ask once before."""
    if not address.startswith(("http://", "https://")):
        return
    try:
        requests.get(f"{address}/health", timeout=_KNOCK)
    except requests.RequestException as error:
        raise InfrastructureError(f"the ZenML server {address} does not answer; is it running?") from error


def check(client: Client, stack: StackFile) -> list[tuple[Component, dict[str, Any]]]:
    """Every component with the configuration its flavor accepts; changes nothing, raises InputError at a fault."""
    custom = [_custom_flavor(client, stack, source) for source in stack.flavors]
    return [(component, _checked(client, stack, component, custom)) for component in stack.components]


def register(client: Client, stack: StackFile, checked: Sequence[tuple[Component, dict[str, Any]]]) -> list[str]:
    """Create or update flavors, components and the stack; returns what was changed, in words."""
    changes = [_register_flavor(client, _custom_flavor(client, stack, source)) for source in stack.flavors]
    components: dict[StackComponentType, list[UUID | str]] = {}
    for component, configuration in checked:
        identifier, change = _register_component(client, component, configuration)
        components[StackComponentType(component.type)] = [identifier]
        changes.append(change)
    changes.append(_register_stack(client, stack.name, components))
    return [change for change in changes if change]


def pending(client: Client, stack: StackFile, checked: Sequence[tuple[Component, dict[str, Any]]]) -> list[str]:
    """What `register` would change, in words; changes nothing."""
    found = next(iter(client.list_stacks(name=stack.name, hydrate=True)), None)
    if found is None:
        return [f"stack {stack.name} is not registered"]
    names = {str(kind): components[0].name for kind, components in found.components.items() if components}
    differing = [
        f"{component.type} {component.name}"
        for component, configuration in checked
        if names.get(component.type) != component.name
        or (existing := _find_component(client, component)) is None
        or existing.configuration != configuration
    ]
    extra = sorted(names.keys() - {component.type for component, _ in checked})
    return [*(f"{what} differs from the file" for what in differing), *(f"{kind} is not in the file" for kind in extra)]


def activate(client: Client, name: str) -> str:
    """Make the stack the active one; returns the change in words, empty if it was."""
    identifier = client.get_stack(name, allow_name_prefix_match=False).id
    if client.active_stack_model.id == identifier:
        return ""
    client.activate_stack(identifier)
    return f"activated stack {name}"


@contextmanager
def store_failures() -> Iterator[None]:
    """Turn what a store raises, which differs with its kind, into an InfrastructureError of one line."""
    address = GlobalConfiguration().store_configuration.url
    try:
        yield
    except Exception as error:
        message = f"the ZenML store {address} failed: {(str(error) or repr(error)).strip().splitlines()[0]:.300}"
        raise InfrastructureError(_CREDENTIALS.sub("://***@", message)) from error


@contextmanager
def _without_chatter() -> Iterator[None]:
    """A new store announces its tables, user and default stack as warnings; nobody asked for those."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.disable(before)


def _custom_flavor(client: Client, stack: StackFile, source: str) -> Flavor:
    where = stack.where("flavors")
    try:
        flavor_class = source_utils.load(source)
    except Exception as error:  # importing a module runs its code
        raise InputError(f"{where}: cannot import '{source}': {error}") from error
    if not (isinstance(flavor_class, type) and issubclass(flavor_class, Flavor)):
        raise InputError(f"{where}: '{source}' is not a ZenML Flavor class")
    try:
        flavor: Flavor = flavor_class()
        validate_flavor_source(source, flavor.type)
    except (TypeError, ValueError, ImportError) as error:
        raise InputError(f"{where}: '{source}' is not usable: {error}") from error
    taken = _find_flavor(client, flavor.name, flavor.type)
    if taken and not taken.is_custom:
        raise InputError(f"{where}: '{source}' takes the name '{flavor.name}' of a flavor that ZenML brings")
    return flavor


def _checked(client: Client, stack: StackFile, component: Component, custom: Sequence[Flavor]) -> dict[str, Any]:
    where = stack.where("components", component.type)
    kinds = [kind.value for kind in StackComponentType]
    if component.type not in kinds:
        raise InputError(f"{where}: no such component type{suggestion(component.type, kinds)}")
    flavor = _flavor_of(client, component, custom, where)
    existing = _find_component(client, component)
    if existing and existing.flavor_name != component.flavor:
        raise InputError(
            f"{where}: the store has '{component.name}' with flavor '{existing.flavor_name}', not this one; "
            "give another name or delete that one"
        )
    fields = flavor.config_class.model_fields
    for key, value in component.configuration.items():
        if key not in fields:
            raise InputError(f"{where}.configuration: unknown key '{key}'{suggestion(key, fields)}")
        # ZenML counts the name of a user as secret too; a file may say it
        secret = secret_utils.is_secret_field(fields[key]) and not key.endswith("username")
        _refuse_secret(value, f"{where}.configuration.{key}", secret=secret)
    return _accepted(flavor, component, where)


def _flavor_of(client: Client, component: Component, custom: Sequence[Flavor], where: str) -> Flavor:
    kind = StackComponentType(component.type)
    for flavor in custom:
        if (flavor.type, flavor.name) == (kind, component.flavor):
            return flavor
    model = _find_flavor(client, component.flavor, kind)
    if model is None:
        names = [flavor.name for flavor in client.list_flavors(type=kind, size=1000)]
        raise InputError(f"{where}: no flavor '{component.flavor}'{suggestion(component.flavor, names)}")
    try:
        return Flavor.from_model(model)
    except ImportError as error:
        raise InputError(f"{where}: the flavor '{component.flavor}' cannot be imported: {error}") from error


def _refuse_secret(value: object, where: str, *, secret: bool) -> None:
    """Plain text in a secret field, or a password within an address, anywhere below `value`."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _refuse_secret(item, where, secret=secret)
    elif isinstance(value, str) and not secret_utils.is_secret_reference(value):
        if secret:
            raise InputError(f"{where}: a secret; write a reference {{{{secret_name.key}}}} (zenml secret create)")
        if _CREDENTIALS.search(value):
            raise InputError(f"{where}: holds credentials in an address; give them as ZenML secrets")


def _accepted(flavor: Flavor, component: Component, where: str) -> dict[str, Any]:
    """The configuration as ZenML stores it."""
    try:
        config = flavor.config_class(**component.configuration)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("configuration", *first["loc"])))
        raise InputError(f"{where}.{place}: {' '.join(first['msg'].split())}") from error
    except KeyError as error:  # of a secret that is referred to; it names no value
        raise InputError(f"{where}.configuration: {error.args[0]} (zenml secret create)") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}.configuration: {' '.join(str(error).split())}") from error
    if not config.is_valid:
        raise InputError(f"{where}.configuration: not valid for the flavor '{component.flavor}'")
    return config.model_dump(mode="json", exclude_unset=True)


def _find_flavor(client: Client, name: str, kind: StackComponentType) -> FlavorResponse | None:
    return next(iter(client.list_flavors(name=name, type=kind, hydrate=True)), None)


def _find_component(client: Client, component: Component) -> ComponentResponse | None:
    return next(iter(client.list_stack_components(name=component.name, type=component.type, hydrate=True)), None)


def _register_flavor(client: Client, flavor: Flavor) -> str:
    existing = _find_flavor(client, flavor.name, flavor.type)
    wanted = flavor.to_model(integration="custom", is_custom=True)
    if existing is None:
        client.create_flavor(source=wanted.source, component_type=flavor.type)
        return f"registered flavor {flavor.name}"
    if (existing.source, existing.config_schema) == (wanted.source, wanted.config_schema):
        return ""
    update = FlavorUpdate(source=wanted.source, config_schema=wanted.config_schema)
    client.zen_store.update_flavor(existing.id, update)
    return f"updated flavor {flavor.name}"


def _register_component(client: Client, component: Component, configuration: dict[str, Any]) -> tuple[UUID, str]:
    kind = StackComponentType(component.type)
    existing = _find_component(client, component)
    if existing is None:
        created = client.create_stack_component(component.name, component.flavor, kind, configuration)
        return created.id, f"created {kind} {component.name}"
    if existing.configuration == configuration:
        return existing.id, ""
    removed = dict.fromkeys(existing.configuration.keys() - configuration.keys())
    client.update_stack_component(existing.id, kind, configuration={**configuration, **removed})
    return existing.id, f"updated {kind} {component.name}"


def _register_stack(client: Client, name: str, components: dict[StackComponentType, list[UUID | str]]) -> str:
    existing = next(iter(client.list_stacks(name=name, hydrate=True)), None)
    if existing is None:
        client.create_stack(name, components)
        return f"created stack {name}"
    present = {kind: [component.id for component in found] for kind, found in existing.components.items() if found}
    if present == components:
        return ""
    removed: dict[StackComponentType, list[UUID | str]] = {kind: [] for kind in present.keys() - components.keys()}
    client.update_stack(existing.id, component_updates={**components, **removed})
    return f"updated stack {name}"
