"""Posts to the active stack's alerter (Slack, Discord, mail ...), if it has one."""

import logging

from zenml.client import Client

LOG = logging.getLogger("health_predict.alerting")


def post(message: str) -> bool:
    """Post a line and return whether it was; an alerter that fails is told in the log, and stops nothing."""
    alerter = Client().active_stack.alerter
    if alerter is None:
        return False
    try:
        posted = bool(alerter.post(message))
    except Exception as failure:  # each service has its own; what was decided stands anyway
        # not its message, which may quote the address with its token
        LOG.warning("the alerter %s failed (%s): %s", alerter.name, type(failure).__name__, message)
        return False
    if not posted:
        LOG.warning("the alerter %s did not take: %s", alerter.name, message)
    return posted
