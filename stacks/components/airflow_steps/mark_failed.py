"""Tells ZenML that a step's process died: `python -m <this> SNAPSHOT_ID STEP CODE`.

Started by the task of the step, which outlives the step's process.
"""

import sys
from uuid import UUID

from stacks.components.airflow_steps.credentials import load_credentials
from stacks.environment import prepare

_SIGNALLED = 128


def main(snapshot_id: str, step: str, code: str) -> None:
    """Publish step and run as failed, unless ZenML knows their end."""
    prepare()
    load_credentials()
    from stacks.components.airflow_steps.publishing import find_run, publish
    from stacks.components.airflow_steps.reconciliation import Decision, Verdict

    run = find_run(UUID(snapshot_id))
    if run is not None and not run.status.is_finished:
        publish(run, Decision(Verdict.FAIL, f"the process of {step} {_ended(int(code))}", (step,)))


def _ended(code: int) -> str:
    how = f"was killed by signal {code - _SIGNALLED}" if code > _SIGNALLED else f"ended with exit code {code}"
    return f"{how}; see its log in Airflow"


if __name__ == "__main__":
    main(*sys.argv[1:])
