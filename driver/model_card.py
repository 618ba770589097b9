"""Writes the model card of the champion: `python -m driver.model_card [FILE]`, docs/model_card.md if not given."""

from stacks import environment

environment.prepare()  # before any library is imported

import json  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import click  # noqa: E402

from driver.console import explained  # noqa: E402
from health_predict.errors import InputError  # noqa: E402

if TYPE_CHECKING:
    from adapters.mlflow_registry import Registry
    from adapters.mlflow_versions import RegisteredVersion
    from health_predict.model_card import CardSource

DEFAULT = environment.PROJECT / "docs" / "model_card.md"


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT)
@click.option("--stack", help="ZenML stack whose registry is asked; the active one if not given.")
def main(file: Path, stack: str | None) -> None:
    """Write the card of the registered champion, made of what is stored with it."""
    with explained(verbose=False):
        write_card(file, stack)
    click.echo(f"model card: {file}")


def write_card(file: Path, stack: str | None) -> None:
    """Write the card to a file; InputError if there is no champion."""
    from driver.console import quiet_libraries
    from driver.stack import use_stack

    quiet_libraries()
    use_stack(stack, storage=False)
    from adapters.stack_connection import registry_of_stack
    from health_predict.model_card import model_card

    registry = registry_of_stack()
    champion = registry.champion()
    if champion is None:
        raise InputError("there is no champion yet; run: python run.py --pipeline train")
    file.write_text(model_card(_source(registry, champion)), encoding="utf-8")


def _source(registry: "Registry", champion: "RegisteredVersion") -> "CardSource":
    from adapters.mlflow_registry import BUNDLE, REFERENCE
    from adapters.monitoring_store import MonitoringStore
    from health_predict.model_card import CardSource
    from health_predict.monitoring.history import read_history
    from health_predict.monitoring.reference_files import load_reference
    from health_predict.scorer import MANIFEST

    evaluated = _evaluated(registry, champion)
    changes = registry.history()
    with tempfile.TemporaryDirectory() as folder:
        bundle = registry.download_artifact(champion.version, BUNDLE, Path(folder))
        reference = load_reference(registry.download_artifact(champion.version, REFERENCE, Path(folder)))
        evaluation = registry.download_artifact(evaluated.version, "evaluation.json", Path(folder))
        return CardSource(
            version=champion.version,
            tags=champion.tags,
            manifest=json.loads((bundle / MANIFEST).read_text()),
            evaluation=json.loads(evaluation.read_text()),
            evaluated=evaluated.version,
            evaluated_on=_test_part(evaluated),
            reference=reference,
            changes=changes,
            history=read_history(MonitoringStore.of_stack().ledger(), changes),
        )


def _evaluated(registry: "Registry", version: "RegisteredVersion") -> "RegisteredVersion":
    """A recalibrated version keeps the order of the one it was made from, whose evaluation stands."""
    while "recalibrated_from" in version.tags:
        version = registry.find(version.tags["recalibrated_from"])
    return version


def _test_part(version: "RegisteredVersion") -> str:
    if version.tags.get("trigger", "").startswith("retrain:"):
        return "the newest labelled encounters at the time of the retrain, whose patients it did not learn from"
    return "15 % of the patients of the first 20 % of the encounters, looked at once"


if __name__ == "__main__":
    main()
