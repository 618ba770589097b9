"""What Terraform made, as the variables of stacks/aws.yaml: `python -m infra.aws.outputs` writes ${STATE}/aws.env.

Only names and addresses are written; the outputs hold no secret.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from health_predict.errors import HealthPredictError, InfrastructureError, InputError
from stacks.environment import PROJECT, state_folder

TERRAFORM = PROJECT / "infra" / "terraform"
APPLY = "terraform -chdir=infra/terraform apply"
# variable of the stack: output of Terraform
VARIABLES = {
    "HEALTH_PREDICT_REGION": "region",
    "HEALTH_PREDICT_BUCKET": "bucket",
    "HEALTH_PREDICT_LOGS_BUCKET": "logs_bucket",
    "HEALTH_PREDICT_REGISTRY": "registry",
    "HEALTH_PREDICT_INSTANCE_ID": "instance_id",
    "HEALTH_PREDICT_DATA_VOLUME_ID": "data_volume_id",
    "HEALTH_PREDICT_PROJECT_TAG": "project",
    "HEALTH_PREDICT_ENVIRONMENT_TAG": "environment",
}
_ECR = re.compile(r"^(?P<host>\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com)/[a-z0-9-]+$")
_VALUE = re.compile(r"^[A-Za-z0-9._/:-]+$")


def read_outputs(folder: Path = TERRAFORM) -> Mapping[str, Any]:
    """Return `terraform output -json` of `folder`; InfrastructureError without Terraform or a readable state."""
    terraform = shutil.which("terraform")
    if terraform is None:
        raise InfrastructureError("terraform is not installed; see developer.hashicorp.com/terraform/install")
    done = subprocess.run(  # noqa: S603 - our own folder
        [terraform, f"-chdir={folder}", "output", "-json"], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "Error:" in line] or ["no reason given"]
        raise InfrastructureError(f"terraform output failed ({lines[0].strip('│╷ ')}); run: {APPLY}")
    outputs: Mapping[str, Any] = json.loads(done.stdout)
    return outputs


def variables(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the stack from the parsed JSON of `terraform output -json`.

    Raises:
        InfrastructureError: an output is missing, since nothing was applied or by an older version of these files.
        InputError: a value that no resource of ours can have.
    """
    missing = [output for output in VARIABLES.values() if output not in outputs]
    if missing:
        raise InfrastructureError(f"Terraform's outputs lack {', '.join(missing)}; run: {APPLY}")
    values = {name: str(outputs[output]["value"]) for name, output in VARIABLES.items()}
    for name, value in values.items():
        if not _VALUE.match(value):
            raise InputError(f"Terraform's output {VARIABLES[name]} is not a name or an address")
    registry = _ECR.match(values["HEALTH_PREDICT_REGISTRY"])
    if registry is None:
        raise InputError(f"Terraform's output registry is not one of ECR: {values['HEALTH_PREDICT_REGISTRY']}")
    return {**values, "HEALTH_PREDICT_REGISTRY_HOST": registry["host"]}


def write_variables(values: Mapping[str, str], file: Path) -> None:
    """Write KEY=VALUE lines, whole or not at all; InfrastructureError if the file cannot be written."""
    draft = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise InfrastructureError(f"{file}: cannot be written: {error.strerror}") from None


def main() -> int:
    """Write ${STATE}/aws.env; return the exit code."""
    file = state_folder() / "aws.env"
    try:
        write_variables(variables(read_outputs()), file)
    except HealthPredictError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(f"written: {file}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
