"""Scores a file of encounters with one model version, chunk by chunk."""

import logging
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

from zenml import step

from adapters.release_fetching import fetch_release, release_of
from adapters.table_files import CHUNK_ROWS, CSV_BLOCK, open_table
from adapters.table_output import open_outputs
from health_predict.batch_scoring import TableScorer, Tally
from health_predict.scorer import Scorer, load_scorer
from health_predict.table_columns import lay_out
from steps.progress import Report, show_progress

LOG = logging.getLogger("health_predict.steps")


@step(experiment_tracker=True, enable_cache=False)
def score_file(version: str, source: str, destination: str) -> Annotated[dict[str, Any], "scoring"]:
    """Write the scores of `source` to `destination`, its invalid rows beside them; returns what may be told of it."""
    with tempfile.TemporaryDirectory() as folder:
        scorer = load_scorer(fetch_release(release_of(version), Path(folder)))
    with show_progress("score") as report:
        scoring = score_table(scorer, version, source, destination, report)
    LOG.info("score: {scored:,} of {rows:,} rows, {invalid:,} invalid".format(**scoring))
    return scoring


def score_table(
    scorer: Scorer,
    version: str,
    source: str,
    destination: str,
    report: Report,
    *,
    chunk_rows: int = CHUNK_ROWS,
    csv_block: int = CSV_BLOCK,
) -> dict[str, Any]:
    """Score a table of any size; see `ScoringSummary` for the answer, to which the files and the seconds are added."""
    started, tally = time.monotonic(), Tally(version)
    with open_table(source, chunk_rows=chunk_rows, csv_block=csv_block) as table:
        layout = lay_out(table.schema, source)
        rows = TableScorer(scorer, version, table.schema, layout=layout, has_lines=table.has_lines)
        with open_outputs(destination, rows.scores_schema, rows.invalid_schema) as outputs:
            for chunk in table.chunks():
                outputs.write(*tally.counted(rows.score(chunk)))
                report(min(99, int(100 * table.share_read())), 100, f"percent, {tally.rows:,} rows")
    report(100, 100, f"percent, {tally.rows:,} rows")
    summary = tally.summary().as_dict()
    return {**summary, "output": destination, "aside": outputs.aside, "seconds": time.monotonic() - started}
