"""Runs one step of a submitted run: `python -m stacks.components.airflow_steps.step --snapshot_id ID --step_name NAME`.

What an Airflow task starts. It brings up no more of ZenML than the step needs. Exit codes: 0 done; 3 failed, and ZenML
knows; any other, a signal included, means that ZenML may not know (see `mark_failed`).
"""

import gc
import os
import sys

REPORTED = 3


def main(arguments: list[str]) -> int:
    """Prepare the process before any library is imported, then run the step."""
    # what is imported lives as long as the process: looking through it for garbage, now and at the end, takes half of
    # the time that a step needs to start and leave (`python -m benchmarks.airflow`)
    gc.disable()
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "6")  # two minutes: time for MLflow to be started again
    from stacks.components.airflow_steps.credentials import load_credentials
    from stacks.environment import prepare

    prepare()
    load_credentials()
    from stacks.components.airflow_steps.entrypoint import SlimStep

    step = SlimStep(arguments)
    try:
        step.run(ready=_collect_garbage_again)
    except Exception as failure:
        import traceback

        traceback.print_exc()  # for the task's log in Airflow
        step.report(failure)
        return REPORTED
    finally:
        gc.freeze()
    return 0


def _collect_garbage_again() -> None:
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
