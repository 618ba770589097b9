"""Makes the sample reports of the documents from the real file: `python -m driver.samples`, see --help.

Trains, goes through the whole future in batches of 5,000, and takes what that leaves: pages, reports, model cards and
the picture of the timeline. A second, short run on encounters in random order is the control without drift.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from driver.console import explained
from health_predict.errors import InfrastructureError, InputError
from stacks import environment

if TYPE_CHECKING:
    from adapters.monitoring_store import MonitoringStore
    from health_predict.monitoring.ledger import Entry

LARGEST = 1_500_000  # bytes of a file
# Evidently's share of drifted columns stays below its default of .5 on this data; between these two runs .15 separates
MONITOR = ("--pipeline", "monitor", "--batch-size", "5000", "--set", "rule.drift_share=0.15")
RANDOM = ("--set", "data.protocol=random")


@dataclass(frozen=True)
class Effort:
    """How much is trained and monitored; `name` is that of the folder of its runs."""

    name: str
    profile: str
    batches: str


WHOLE, QUICK = Effort("samples", "quick", "all"), Effort("samples-quick", "small", "1")


@dataclass(frozen=True)
class Documents:
    """The folder that holds the documents, and what of it is made here."""

    folder: Path

    @property
    def samples(self) -> Path:
        """The folder of the sample reports."""
        return self.folder / "sample_drift_reports"

    @property
    def picture(self) -> Path:
        """The timeline that the README shows."""
        return self.folder / "images" / "monitoring_timeline.svg"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.folder / "model_card.md"

    def write(self, name: str, content: str) -> None:
        """Write a sample; InputError if it is too large to be read in a repository."""
        if len(content.encode()) > LARGEST:
            raise InputError(f"{name} is larger than {LARGEST / 1e6:.1f} MB; leave something out")
        self.samples.mkdir(parents=True, exist_ok=True)
        (self.samples / name).write_text(content, encoding="utf-8")
        click.echo(f"  {name}: {len(content.encode()) / 1000:,.0f} kB")


OURS = Documents(environment.PROJECT / "docs")


@dataclass(frozen=True)
class Run:
    """A state folder with its own registry and ledger, and how its commands are run."""

    state: Path

    def command(self, *arguments: str) -> None:
        """Run run.py to its end in this state; InfrastructureError if it fails."""
        command = [sys.executable, "run.py", *arguments]
        if subprocess.run(command, cwd=environment.PROJECT, env=self._environment()).returncode:  # noqa: S603
            raise InfrastructureError(f"run.py {' '.join(arguments)} failed; mend what it says, then run it again")

    def collect(self, what: str, documents: Documents) -> None:
        """Take the samples in a process that has this state from the start, since libraries read it once."""
        command = [sys.executable, "-m", "driver.samples", "--collect", what, "--output", str(documents.folder)]
        if subprocess.run(command, cwd=environment.PROJECT, env=self._environment()).returncode:  # noqa: S603
            raise InfrastructureError(f"the samples of {self.state} could not be taken")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HEALTH_PREDICT_STATE": str(self.state)}


@click.command()
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=OURS.folder, show_default="docs")
@click.option("--quick", is_flag=True, help="Only show that it runs: a small model and one batch, in two minutes.")
@click.option("--collect", type=click.Choice(["card", "loop", "control"]), hidden=True)
def main(output: Path, quick: bool, collect: str | None) -> None:
    """Make docs/sample_drift_reports, docs/images/monitoring_timeline.svg and docs/model_card.md; about ten minutes.

    Runs are kept below the state folder, so that an interrupted command goes on where it was. Where --quick is given,
    --output must be, too: its samples are no documents.
    """
    documents = Documents(output.absolute())
    with explained(verbose=False):
        if collect is not None:
            _TAKEN[collect](documents)
            return
        if quick and documents == OURS:
            raise InputError("--quick would replace the documents by samples of a small model; give --output FOLDER")
        _make(QUICK if quick else WHOLE, documents)


def _make(effort: Effort, documents: Documents) -> None:
    loop, control = (Run(environment.state_folder() / effort.name / name) for name in ("loop", "control"))
    train = ("--pipeline", "train", "--config", effort.profile)
    if not (loop.state / "monitoring.html").exists():
        loop.command(*train)
        loop.collect("card", documents)
    loop.command(*MONITOR, "--batches", effort.batches)
    loop.command("--stop-endpoint")
    loop.collect("loop", documents)
    if not (control.state / "monitoring.html").exists():
        control.command(*train, *RANDOM)
        control.command(*MONITOR, *RANDOM, "--batches", "1")
    control.collect("control", documents)


def take_card(documents: Documents) -> None:
    """Write the card of the model that training gives."""
    from driver.model_card import write_card

    documents.folder.mkdir(parents=True, exist_ok=True)
    write_card(documents.card, None)


def take_loop(documents: Documents) -> None:
    """Write pages and card of the loop, and Evidently's report of the batch in which most columns drifted."""
    from adapters.stack_connection import registry_of_stack
    from driver.model_card import write_card
    from health_predict.monitoring.history import read_history
    from health_predict.pages.monitoring import monitoring_page
    from health_predict.pages.timeline_picture import timeline_picture

    store = _ready()
    registry, entries = registry_of_stack(), store.ledger().entries
    history = read_history(store.ledger(), registry.history())
    _require_real(history.provenance)
    drifted = max(entries, key=lambda entry: float(entry.records["checked"]["evidently"]["share"]))
    documents.write("monitoring.html", _without_local_links(monitoring_page(history), drifted))
    write_card(documents.samples / "model_card.md", None)
    documents.picture.parent.mkdir(exist_ok=True)
    documents.picture.write_text(timeline_picture(history), encoding="utf-8")
    for page in ("evaluation.html", "calibration.html", "exploration.html"):
        documents.write(page, registry.download_artifact("1", f"pages/{page}", environment.cache_folder()).read_text())
    _take_report(store, drifted, "drift", documents)


def take_control(documents: Documents) -> None:
    """Write Evidently's report of a batch without drift."""
    store = _ready()
    (entry,) = store.ledger().entries
    if entry.records["checked"]["verdict"]["verdict"] != "NO_DRIFT":
        raise InputError("the control batch has drift, a false alarm; remove its state folder and take another seed")
    _take_report(store, entry, "no_drift", documents)


_TAKEN = {"card": take_card, "loop": take_loop, "control": take_control}


def _ready() -> "MonitoringStore":
    from driver.console import quiet_libraries
    from driver.stack import use_stack

    environment.prepare()
    quiet_libraries()
    use_stack(None)
    from adapters.monitoring_store import MonitoringStore

    return MonitoringStore.of_stack()


def _require_real(provenance: str | None) -> None:
    if provenance != "uci":
        raise InputError("samples are made of the real file: set HEALTH_PREDICT_DATA, and use another state folder")


def _take_report(store: "MonitoringStore", entry: "Entry", name: str, documents: Documents) -> None:
    from adapters.evidently_library import LIBRARY, split_library

    report, summary = (store.report(entry.batch, page) for page in ("evidently.html", "summary.html"))
    if report is None or summary is None:
        raise InputError(f"batch {entry.batch} has no report in the artifact store")
    split = split_library(report)
    documents.write(f"{name}_evidently.html", split.html)
    documents.write(LIBRARY, split.library)
    documents.write(f"{name}_summary.html", summary)


def _without_local_links(page: str, kept: "Entry") -> str:
    """Reports lie in the artifact store of this machine; the one that is a sample is linked, the others are not."""
    store = str(environment.state_folder())
    page = re.sub(rf'href="[^"]*{kept.batch}/evidently\.html"', 'href="drift_evidently.html"', page)
    return re.sub(rf'<a href="{re.escape(store)}[^"]*">([^<]*)</a>', r"\1", page)


if __name__ == "__main__":
    environment.prepare()
    main()
