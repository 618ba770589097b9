import numpy as np
import pandas as pd
import pytest

from health_predict.errors import InputError
from health_predict.splits import Splits
from health_predict.target import MEANING, readmitted_binary

OUTCOMES = pd.DataFrame({"readmitted": ["NO", ">30", "<30", "NO"]})


@pytest.mark.parametrize(("target", "expected"), [("any", [0, 1, 1, 0]), ("within_30_days", [0, 0, 1, 0])])
def test_by_hand(target, expected: list[int]) -> None:
    labels = readmitted_binary(OUTCOMES, target)
    assert labels.tolist() == expected
    assert labels.dtype == np.int8


@pytest.mark.parametrize(("target", "train", "future"), [("any", 0.4783, 0.4693), ("within_30_days", 0.1154, 0.1133)])
def test_rates_of_the_real_file(real_splits: Splits, target, train: float, future: float) -> None:
    assert readmitted_binary(real_splits.train, target).mean() == pytest.approx(train, abs=5e-5)
    assert readmitted_binary(real_splits.future, target).mean() == pytest.approx(future, abs=5e-5)


def test_rate_over_the_whole_file_before_anyone_is_dropped(real_raw) -> None:
    assert readmitted_binary(real_raw.frame, "any").sum() == 35_545 + 11_357
    assert readmitted_binary(real_raw.frame, "within_30_days").sum() == 11_357


def test_without_the_column_the_message_names_it() -> None:
    with pytest.raises(InputError, match=r"^column 'readmitted' is missing; training and evaluation need labels$"):
        readmitted_binary(OUTCOMES.rename(columns={"readmitted": "label"}), "any")


def test_a_row_whose_label_has_not_arrived_is_no_negative() -> None:
    with pytest.raises(InputError, match=r"^column 'readmitted': 2 rows have no label; leave them out$"):
        readmitted_binary(pd.DataFrame({"readmitted": ["NO", None, ">30", np.nan]}), "any")


def test_every_target_says_what_it_means() -> None:
    assert MEANING == {"any": "readmitted at all", "within_30_days": "readmitted within 30 days"}
