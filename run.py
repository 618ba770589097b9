"""The command line of Health Predict: `python run.py --pipeline train`; see `python run.py --help`."""

from stacks import environment

environment.prepare()  # before any library is imported: it keeps them off the network and inside the state folder

from dataclasses import fields  # noqa: E402
from importlib import import_module  # noqa: E402
from typing import Any  # noqa: E402

import click  # noqa: E402
from click.core import ParameterSource  # noqa: E402

from driver.console import explained  # noqa: E402
from health_predict.errors import InputError  # noqa: E402

MODULES = {
    "train": "driver.train",
    "deploy": "driver.deploy",
    "monitor": "driver.monitor",
    "score": "driver.score",
    "rollback": "driver.rollback",
    "upload-data": "driver.upload",
    "status": "driver.status",
    "stop_endpoint": "driver.stop_endpoint",
    "doctor": "driver.doctor",
}
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
  python run.py --pipeline monitor --batches 3
  python run.py --pipeline monitor --batches all --batch-size 5000 --label-delay 2
  python run.py --pipeline monitor --inject a1c --fail-on drift --result verdict.json
  python run.py --pipeline monitor --current encounters.csv --reports s3://bucket/reports
  python run.py --pipeline rollback
  python run.py --pipeline upload-data --data dataset_diabetes.zip --stack aws
  python run.py --status --json
  python run.py --stop-endpoint
  python run.py --doctor --stack airflow

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
@click.option(
    "--pipeline",
    type=click.Choice(["train", "deploy", "monitor", "score", "rollback", "upload-data"]),
    help="What to run.",
)
@click.option("--status", is_flag=True, help="Show champion, endpoint and the last monitoring verdict.")
@click.option("--stop-endpoint", is_flag=True, help="Stop serving on the stack.")
@click.option("--doctor", is_flag=True, help="Check all that the stack needs, and say how to mend what is broken.")
@click.option("--json", "as_json", is_flag=True, help="With --status and --doctor: as JSON.")
@click.option("--config", help="A YAML file, or a profile of train: quick (the default), full, small.")
@click.option("--stack", help="ZenML stack to run on; the active one if not given, applied from stacks/ if new.")
@click.option("--data", help="CSV, UCI zip or s3://bucket/key; else HEALTH_PREDICT_DATA, cache, UCI, synthetic.")
@click.option("--target", type=click.Choice(["any", "within_30_days"]), help="Readmitted at all, or within 30 days.")
@click.option("--input", metavar="FILE", help="What to score: .csv, .csv.gz or .parquet, a path or s3://bucket/key.")
@click.option("--output", metavar="FILE", help="Where the scores go; invalid rows go beside it.")
@click.option("--model-version", metavar="N", help="Deploy or score with this version, not the champion.")
@click.option("--batches", default="1", show_default=True, metavar="N|all", help="How many batches to monitor.")
@click.option("--batch-size", type=int, metavar="N", help="Encounters in a batch; 1000 if not given.")
@click.option("--label-delay", type=int, metavar="K", help="Batches until outcomes are known; 1 if not given.")
@click.option("--inject", metavar="SHIFT", help="Shift the batches: age, a1c, insulin, payer, sicker, label, concept.")
@click.option("--force-retrain", is_flag=True, help="Retrain on the next batch, whatever its verdict.")
@click.option("--current", metavar="FILE", help="Monitor: check this file instead: CSV, zip, Parquet or s3://.")
@click.option("--reference", metavar="FILE", help="With --current: what it is compared with, not the training data.")
@click.option("--model-uri", metavar="URI", help="With --current: models:/HealthPredict@champion or /N.")
@click.option("--reports", metavar="DIR", help="With --current: where its reports go, a folder or s3://bucket/prefix.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a key of the configuration.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs have not changed.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would run, change nothing.")
@click.option("--fail-on", type=click.Choice(["refused", "drift"]), multiple=True, help="Make a result an exit code.")
@click.option("--result", metavar="FILE", help="Train, deploy, monitor: also write what came of it, as JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Library logs, and the traceback of a failure.")
@click.pass_context
def main(context: click.Context, verbose: bool, **options: Any) -> None:  # noqa: ANN401 - click's own
    """Predict readmission of diabetic patients: train, register, serve, score and keep the model honest."""
    wanted = [name for name in ("pipeline", "status", "stop_endpoint", "doctor") if options[name]]
    if len(wanted) != 1:
        told = f"error: give one of --{', --'.join(wanted)}".replace("_", "-") if wanted else context.get_help()
        click.echo(told, err=bool(wanted))
        context.exit(2)
    with explained(verbose=verbose):
        context.exit(_run(context, options["pipeline"] or wanted[0], {**options, "verbose": verbose}))


def _run(context: click.Context, command: str, options: dict[str, Any]) -> int:
    """Import late, so that --help answers at once."""
    module = import_module(MODULES[command])
    known = {field.name for field in fields(module.Options)}
    for name in options.keys() - known - {"pipeline", "status", "stop_endpoint", "doctor", "verbose"}:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise InputError(f"{_written(context, name)} does not belong to {command.replace('_', '-')}; leave it out")
    return int(module.run(module.Options(**{name: options[name] for name in known})))


def _written(context: click.Context, name: str) -> str:
    return next(option.opts[0] for option in context.command.params if option.name == name)


if __name__ == "__main__":
    main()
