"""Chooses the stack of a run: --stack for this run only, else the active one, else `local` on a new store."""

import os

from stacks.apply import apply_stack
from stacks.stack_file import stack_names

FIRST_STACK = "local"
_ZENML_OWN = "default"  # what a new store starts with; it has no experiment tracker


def use_stack(option: str | None, *, storage: bool = True) -> str:
    """Make the stack ready and current for this process, and return its name.

    A stack that has a file in stacks/ is applied, which does nothing when it is up to date.

    Args:
        storage: also see that its bucket is there and lets us in, which a step would find out late.

    Raises:
        InputError: no such stack, or a fault in its file.
        InfrastructureError: ZenML's store or, with `storage`, the bucket is out of reach.
    """
    name = _chosen(option)
    if storage:
        _check_bucket()
    return name


def _check_bucket() -> None:
    from zenml.client import Client

    store = Client().active_stack.artifact_store
    if store.path.startswith("s3://"):
        from adapters.object_storage import Bucket

        Bucket.of_store(store).check()


def _chosen(option: str | None) -> str:
    if option is not None:
        return _for_this_process(option)
    from zenml.client import Client

    active = Client().active_stack_model.name
    if active == _ZENML_OWN:
        return apply_stack(FIRST_STACK, activate=True).name
    return _for_this_process(active) if active in stack_names() else active


def use_stack_of(uri: str, option: str | None) -> None:
    """Where --stack names another stack than the active one, what lies in its bucket opens with its credentials."""
    if option is not None and uri.startswith("s3://"):
        _for_this_process(option)


def _for_this_process(name: str) -> str:
    os.environ["ZENML_ACTIVE_STACK_ID"] = str(apply_stack(name, activate=False).id)
    return name
