"""Where the active stack's experiment tracker keeps its runs and its registry, asked without opening a run."""

from adapters.mlflow_registry import Registry
from stacks.environment import state_folder


def tracking_uri_of_stack() -> str:
    """Return the tracking URI of the active stack, whose login, if it has one, is given to MLflow."""
    from zenml.client import Client

    tracker = Client().active_stack.experiment_tracker
    uri = str(tracker.get_tracking_uri())
    if uri.startswith(("http://", "https://")):
        tracker.configure_mlflow()  # ZenML does that for steps that ask for the tracker, and for nobody else
    return uri


def registry_of_stack() -> Registry:
    """Return the model registry of the active stack."""
    return Registry(state_folder() / "locks", tracking_uri_of_stack())
