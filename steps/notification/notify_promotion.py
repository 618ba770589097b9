"""Tells people of a promotion or refusal."""

from typing import Annotated, Any

from zenml import step

from adapters.alerting import post
from health_predict.notification import of_promotion


@step(enable_cache=False)
def notify_promotion(promotion: dict[str, Any]) -> Annotated[bool, "notified"]:
    """Return whether the stack's alerter took it; False where there is none."""
    return post(of_promotion(promotion))
