"""Keeps the secrets that a stack file names in ZenML's secret store; no value is ever shown."""

from collections.abc import Iterator, Mapping

from zenml.client import Client
from zenml.utils import secret_utils

from health_predict.errors import InfrastructureError, InputError
from stacks.environment import zenml_folder
from stacks.stack_file import StackFile, suggestion
from stacks.value_file import read_secret_values

Secrets = Mapping[str, Mapping[str, str]]


def read_secrets(stack: StackFile) -> Secrets:
    """Read what the stack refers to from its files of secrets: ZenML secret to key to value; changes nothing.

    Raises InputError if others can read a file, a value is empty, or a key that is referred to is not in it;
    InfrastructureError if a file is not there.
    """
    return {name: _referred(stack, name) for name in stack.secrets}


def keep_secrets(client: Client, secrets: Secrets) -> list[str]:
    """Create or update the ZenML secrets; returns what was changed, in words without values."""
    if secrets and zenml_folder().exists():
        zenml_folder().chmod(0o700)  # a store on SQLite keeps them here
    return [change for name, values in secrets.items() if (change := _keep(client, name, dict(values)))]


def _keep(client: Client, name: str, values: dict[str, str]) -> str:
    try:
        present = client.get_secret(name, allow_partial_name_match=False, allow_partial_id_match=False)
    except KeyError:
        client.create_secret(name, values)
        return f"created secret {name}"
    if values.items() <= present.secret_values.items():  # another stack may refer to further keys
        return ""
    client.update_secret(present.id, add_or_update_values=values)
    return f"updated secret {name}"


def _referred(stack: StackFile, name: str) -> dict[str, str]:
    file = stack.secrets[name]
    if not file.exists():
        raise InfrastructureError(f"{stack.where('secrets', name)}: {file} is not there; run: make services-up")
    values = read_secret_values(file)
    wanted = {key for component in stack.components for key in _keys(component.configuration, name)}
    for key in sorted(wanted - values.keys()):
        raise InputError(f"{stack.where('secrets', name)}: {file} has no {key}{suggestion(key, values)}")
    return {key: values[key] for key in sorted(wanted)}


def _keys(value: object, name: str) -> Iterator[str]:
    """The keys of a secret that are referred to anywhere below `value`."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _keys(item, name)
    elif isinstance(value, str) and secret_utils.is_secret_reference(value):
        reference = secret_utils.parse_secret_reference(value)
        if reference.name == name:
            yield reference.key
