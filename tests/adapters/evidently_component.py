"""The data validator that the stack has, without a ZenML store."""

from datetime import UTC, datetime
from uuid import uuid4

from zenml.enums import StackComponentType
from zenml.integrations.evidently.data_validators import EvidentlyDataValidator


def evidently_validator() -> EvidentlyDataValidator:
    flavor = EvidentlyDataValidator.FLAVOR()
    kind, now = StackComponentType.DATA_VALIDATOR, datetime.now(UTC)
    return EvidentlyDataValidator("v", uuid4(), flavor.config_class(), "evidently", kind, None, now, now)
