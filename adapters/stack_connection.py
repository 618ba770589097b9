"""Where the active stack's experiment tracker keeps its runs and its registry, asked without opening a run."""

from adapters.mlflow_registry import Registry
from stacks.environment import state_folder


def tracking_uri_of_stack() -> str:
    """Return the tracking URI of the active stack."""
    from zenml.client import Client

    return str(Client().active_stack.experiment_tracker.get_tracking_uri())


def registry_of_stack() -> Registry:
    """Return the model registry of the active stack."""
    return Registry(state_folder() / "locks", tracking_uri_of_stack())
