"""The machine's own part of a teardown, asked for over SSM; a machine that is stopped or gone has nothing to say."""

import time
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from health_predict.errors import InfrastructureError
from infra.aws.account_steps import answering
from infra.aws.teardown_step import Account, Step

_PATIENCE = 1800.0  # seconds for all of it
_PAUSE = 5.0
_ENDED = ("Success", "Failed", "Cancelled", "TimedOut")
# as the user whose cluster and services they are; zenml.env says where ZenML's server is, which leads to the champion
_COMMAND = (
    "set -a; . /etc/health-predict/machine.env; zenml=/data/state/services/zenml.env; [ ! -f $zenml ] || . $zenml; "
    "cd /opt/health-predict; runuser --user health-predict -- "
    "env HOME=/data/home .venv/bin/python -m infra.aws.teardown --part machine"
)


def steps_over_ssm(account: Account) -> list[Step]:
    """Return the one step; a stopped machine goes with its disks, which Terraform deletes."""
    look, remove = (partial(_run, account, option) for option in ("--dry-run", "--yes-delete-models"))
    return [Step(f"machine {account.instance}", look, remove)]


def _run(account: Account, option: str) -> str:
    with answering(f"machine {account.instance}"):
        state = _state(account)
        if state != "running":
            return f"{state}; its cluster and services go with its disks"
        return _on_machine(account.client("ssm"), account.instance, f"{_COMMAND} {option}")


def _state(account: Account) -> str:
    try:
        answer = account.client("ec2").describe_instances(InstanceIds=[account.instance])
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("InvalidInstanceID"):
            return "gone"
        raise
    return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])


def _on_machine(client: Any, instance: str, command: str) -> str:  # noqa: ANN401 - boto3's
    sent = client.send_command(
        InstanceIds=[instance],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": [command], "executionTimeout": [str(int(_PATIENCE))]},
    )["Command"]["CommandId"]
    until = time.monotonic() + _PATIENCE
    while True:
        told = _invocation(client, instance, sent)
        if told["Status"] in _ENDED:
            break
        if time.monotonic() > until:
            raise InfrastructureError(f"machine {instance}: no answer within {_PATIENCE:.0f} s; look: make aws-shell")
        time.sleep(_PAUSE)
    if told["Status"] != "Success":
        last = (told["StandardErrorContent"].strip().splitlines() or ["no message"])[-1]
        raise InfrastructureError(f"machine {instance}: its part ended with {told['Status']}: {last}")
    return "\n" + "\n".join(f"  {line}" for line in told["StandardOutputContent"].splitlines())


def _invocation(client: Any, instance: str, sent: str) -> dict[str, str]:  # noqa: ANN401 - boto3's
    try:
        answer: dict[str, str] = client.get_command_invocation(CommandId=sent, InstanceId=instance)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvocationDoesNotExist":  # for some seconds after it was sent
            raise
        return {"Status": "Pending"}
    return answer
