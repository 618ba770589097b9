"""What the driver asks of the active stack outside a run: its registry."""

from adapters.mlflow_registry import Registry
from stacks.environment import state_folder


def registry_of_stack() -> Registry:
    """Return the registry where the active stack's experiment tracker keeps its runs."""
    from zenml.client import Client

    uri = str(Client().active_stack.experiment_tracker.get_tracking_uri())
    return Registry(state_folder() / "locks", uri)
