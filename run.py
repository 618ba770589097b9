"""The command line of Health Predict: `python run.py --pipeline train`; see `python run.py --help`."""

from stacks import environment

environment.prepare()  # before any library is imported: it keeps them off the network and inside the state folder

from dataclasses import fields  # noqa: E402
from typing import Any, TypeVar  # noqa: E402

import click  # noqa: E402

from driver.console import explained  # noqa: E402

Options = TypeVar("Options")

EXAMPLES = """
\b
Examples:
  python run.py --pipeline train
  python run.py --pipeline train --config full --target within_30_days
  python run.py --pipeline train --data s3://bucket/raw_data/diabetic_data.csv --stack local
  python run.py --pipeline train --set search.trials=50 --set seed=7 --no-cache
  python run.py --pipeline train --dry-run
  python run.py --pipeline deploy
  python run.py --pipeline deploy --model-version 3
  python run.py --pipeline score --input encounters.csv --output scores.parquet
  python run.py --pipeline rollback
  python run.py --status --json
  python run.py --stop-endpoint

\b
Exit codes:
  0  done; a refused promotion is a result, too
  1  a defect of this program; run again with -v and report it
  2  usage or bad input
  3  the promotion was refused, with --fail-on refused
  4  drift was detected, with --fail-on drift
  5  infrastructure unreachable
"""


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--pipeline", type=click.Choice(["train", "deploy", "score", "rollback"]), help="What to run.")
@click.option("--status", is_flag=True, help="Show champion, endpoint and the last monitoring verdict.")
@click.option("--stop-endpoint", is_flag=True, help="Stop serving on the stack.")
@click.option("--json", "as_json", is_flag=True, help="With --status: as JSON.")
@click.option("--config", help="A YAML file, or a profile of train: quick (the default), full.")
@click.option("--stack", help="ZenML stack to run on; the active one if not given, applied from stacks/ if new.")
@click.option("--data", help="CSV, UCI zip or s3://bucket/key; else HEALTH_PREDICT_DATA, cache, UCI, synthetic.")
@click.option("--target", type=click.Choice(["any", "within_30_days"]), help="Readmitted at all, or within 30 days.")
@click.option("--input", metavar="FILE", help="What to score: .csv, .csv.gz or .parquet, a path or s3://bucket/key.")
@click.option("--output", metavar="FILE", help="Where the scores go; invalid rows go beside it.")
@click.option("--model-version", metavar="N", help="Deploy or score with this version, not the champion.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a key of the configuration.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs have not changed.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would run, change nothing.")
@click.option("--fail-on", type=click.Choice(["refused", "drift"]), multiple=True, help="Make a result an exit code.")
@click.option("-v", "--verbose", is_flag=True, help="Library logs, and the traceback of a failure.")
@click.pass_context
def main(context: click.Context, verbose: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Predict readmission of diabetic patients: train, register, serve and keep the model honest."""
    wanted = [name for name in ("pipeline", "status", "stop_endpoint") if options[name]]
    if len(wanted) != 1:
        click.echo(
            context.get_help() if not wanted else f"error: give one of --{', --'.join(wanted)}", err=bool(wanted)
        )
        context.exit(2)
    with explained(verbose=verbose):
        context.exit(_dispatch(options["pipeline"] or wanted[0], {**options, "verbose": verbose}))


def _dispatch(what: str, options: dict[str, Any]) -> int:
    """Import late, so that --help answers at once."""
    if what == "train":
        from driver.train import TrainOptions, train

        return train(_chosen(TrainOptions, options))
    if what == "deploy":
        from driver.deploy import DeployOptions, deploy

        return deploy(_chosen(DeployOptions, options))
    if what == "score":
        from driver.score import ScoreOptions, score

        return score(_chosen(ScoreOptions, options))
    if what == "rollback":
        from driver.rollback import rollback

        return rollback(options["stack"])
    from driver.status import status, stop_endpoint

    return (
        stop_endpoint(options["stack"])
        if what == "stop_endpoint"
        else status(options["stack"], as_json=options["as_json"])
    )


def _chosen(kind: type[Options], options: dict[str, Any]) -> Options:
    """The options that a command knows."""
    return kind(**{field.name: options[field.name] for field in fields(kind)})


if __name__ == "__main__":
    main()
