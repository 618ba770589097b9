"""What the tests know about the store they share."""

from dataclasses import dataclass
from pathlib import Path

from stacks.apply import AppliedStack

# what the user's home folder holds: a ZenML store of another project
FOREIGN = {".config/zenml/config.yaml": "store: {type: rest, url: https://other.example}\n"}


@dataclass(frozen=True)
class Store:
    state: Path
    home: Path
    first: AppliedStack


def forget_clients() -> None:
    """ZenML keeps its configuration and client as singletons of the process."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    Client._reset_instance()
    GlobalConfiguration._reset_instance()
