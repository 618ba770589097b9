"""Writes the page that shows the data the model may learn from."""

from typing import Annotated, Any

import pandas as pd
from zenml import step
from zenml.types import HTMLString

from health_predict.exploration import explore
from health_predict.pages import exploration_page
from health_predict.target import Target


@step
def explore_data(
    train: pd.DataFrame, validation: pd.DataFrame, summary: dict[str, Any], target: Target
) -> Annotated[HTMLString, "exploration_page"]:
    """Describe train and validation; test and future rows are only counted."""
    exploration = explore(
        pd.concat([train, validation], ignore_index=True),
        target,
        rows=summary["rows"],
        encounters=summary["encounters"],
    )
    return HTMLString(exploration_page(exploration, summary["provenance"]))
