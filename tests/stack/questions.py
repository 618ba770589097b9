"""Asks an installation about ZenML, registry and ledger: `python -m tests.stack.questions ledger`, one line of JSON."""

import json
from typing import Any

from stacks.environment import prepare

prepare()

import click  # noqa: E402

from driver.stack import use_stack  # noqa: E402

OF_THE_STORE = ("run", "runs")


@click.group()
@click.option("--stack", default="airflow")
@click.pass_context
def main(context: click.Context, stack: str) -> None:
    """Choose the stack."""
    if context.invoked_subcommand not in OF_THE_STORE:  # to apply it takes seconds
        use_stack(stack)


@main.command()
@click.argument("name")
def run(name: str) -> None:
    """A pipeline run: its status and reason, and the status of its steps."""
    from zenml.client import Client

    found = Client().get_pipeline_run(name, allow_name_prefix_match=False, hydrate=True)
    steps = {step: each.status.value for step, each in found.steps.items()}
    tell({"status": found.status.value, "reason": found.get_body().status_reason, "steps": steps})


@main.command()
@click.argument("pipeline")
def runs(pipeline: str) -> None:
    """The runs of a pipeline, oldest first: name and status."""
    from zenml.client import Client

    found = Client().list_pipeline_runs(pipeline=pipeline, sort_by="asc:created", size=100).items
    tell([{"name": each.name, "status": each.status.value} for each in found])


@main.command()
@click.argument("name")
@click.argument("step")
@click.argument("output")
def output(name: str, step: str, output: str) -> None:
    """What a step returned."""
    from zenml.client import Client

    tell(Client().get_pipeline_run(name).steps[step].outputs[output][0].load())


@main.command()
def ledger() -> None:
    """What monitoring did."""
    from adapters.monitoring_store import MonitoringStore

    tell(json.loads(MonitoringStore.of_stack().ledger().to_json()))


@main.command()
def versions() -> None:
    """The champion, and the versions in the registry with the tags that say what they are."""
    from adapters.mlflow_connection import MlflowConnection
    from adapters.stack_connection import registry_of_stack, tracking_uri_of_stack

    champion = registry_of_stack().champion()
    found = MlflowConnection(tracking_uri_of_stack()).client.search_model_versions("name='HealthPredict'")
    tell({"champion": champion.version if champion else None, "tags": {str(v.version): dict(v.tags) for v in found}})


@main.command()
@click.argument("experiment")
def mlflow_runs(experiment: str) -> None:
    """The runs of an experiment, oldest first: status, metrics and where their artifacts lie."""
    from adapters.mlflow_connection import MlflowConnection
    from adapters.stack_connection import tracking_uri_of_stack

    client = MlflowConnection(tracking_uri_of_stack()).client
    known = client.get_experiment_by_name(experiment)
    found = client.search_runs([known.experiment_id], order_by=["attributes.start_time ASC"]) if known else []
    tell([{"status": r.info.status, "metrics": r.data.metrics, "artifacts": r.info.artifact_uri} for r in found])


@main.command()
@click.argument("stacks", nargs=-1)
def graphs(stacks: tuple[str, ...]) -> None:
    """The graph of each pipeline as it is compiled for each of these stacks; nothing of them is reached."""
    from stacks.apply import apply_stack
    from stacks.environment import state_folder
    from tests.stacks.compiling import compiled, graph, write_aws_files

    write_aws_files(state_folder())
    for each in stacks:
        apply_stack(each, activate=False)
    tell({each: {name: graph(snapshot) for name, snapshot in compiled(each).items()} for each in stacks})


def tell(answer: Any) -> None:
    """Print it as one line."""
    click.echo(json.dumps(answer, default=str))


if __name__ == "__main__":
    main()
