"""The command line of Health Predict: `python run.py --pipeline train`; see `python run.py --help`."""

from stacks import environment

environment.prepare()  # before any library is imported: it keeps them off the network and inside the state folder

import click  # noqa: E402

from driver.console import explained  # noqa: E402

EXAMPLES = """
\b
Examples:
  python run.py --pipeline train
  python run.py --pipeline train --config full --target within_30_days
  python run.py --pipeline train --data s3://bucket/raw_data/diabetic_data.csv --stack local
  python run.py --pipeline train --set search.trials=50 --set seed=7 --no-cache
  python run.py --pipeline train --dry-run
  python run.py --pipeline rollback

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
@click.option("--pipeline", type=click.Choice(["train", "rollback"]), help="What to run.")
@click.option("--config", default="quick", show_default=True, help="A profile (quick, full) or a YAML file.")
@click.option("--stack", help="ZenML stack to run on; the active one if not given, applied from stacks/ if new.")
@click.option("--data", help="CSV, UCI zip or s3://bucket/key; else HEALTH_PREDICT_DATA, cache, UCI, synthetic.")
@click.option("--target", type=click.Choice(["any", "within_30_days"]), help="Readmitted at all, or within 30 days.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Override a key of the configuration.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose inputs have not changed.")
@click.option("--dry-run", is_flag=True, help="Check everything, say what would run, change nothing.")
@click.option("--fail-on", type=click.Choice(["refused", "drift"]), multiple=True, help="Make a result an exit code.")
@click.option("-v", "--verbose", is_flag=True, help="Library logs, and the traceback of a failure.")
@click.pass_context
def main(context: click.Context, pipeline: str | None, verbose: bool, **options: object) -> None:
    """Predict readmission of diabetic patients: train, register and keep the model honest."""
    if pipeline is None:
        click.echo(context.get_help())
        context.exit(2)
    with explained(verbose=verbose):
        context.exit(_dispatch(pipeline, {**options, "verbose": verbose}))


def _dispatch(pipeline: str, options: dict[str, object]) -> int:
    """Import late, so that --help answers at once."""
    if pipeline == "train":
        from driver.train import TrainOptions, train

        names = ("config", "stack", "data", "target", "pairs", "no_cache", "dry_run", "fail_on", "verbose")
        return train(TrainOptions(**{name: options[name] for name in names}))
    from driver.rollback import rollback

    return rollback(options["stack"])


if __name__ == "__main__":
    main()
