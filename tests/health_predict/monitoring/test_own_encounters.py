"""A file of the user's own: what is completed and said, and what is refused in one line without a value."""

import numpy as np
import pandas as pd
import pytest

from health_predict.columns import ENCOUNTER, PATIENT, TARGET_COLUMN
from health_predict.errors import InputError
from health_predict.monitoring.own_encounters import OwnEncounters, accept, outcomes_of
from tests.health_predict.monitoring.invented import encounters

CANARY = "CANARY-31415"
HOME, EXPIRED = "1", "11"


def strings(count: int = 60, **columns: object) -> pd.DataFrame:
    """A valid file as text, with some columns replaced."""
    frame = encounters(count, seed=1).assign(discharge_disposition_id=HOME)
    text = frame.astype(object).where(frame.notna()).map(lambda value: str(value) if value == value else np.nan)
    return text.assign(**columns)


def first(count: int, value: object, column: str) -> dict[str, object]:
    """The values of a column of which the first are replaced."""
    values = strings()[column].to_numpy(copy=True)
    values[:count] = value
    return {column: values}


def test_a_whole_file_is_taken_as_it_is() -> None:
    own = accept(strings(race="Asian", payer_code="MC", medical_specialty="Urology"), "f.csv")
    assert (len(own.frame), own.labelled, own.notes) == (60, True, ())
    assert own.frame[PATIENT].dtype == "int64"


def test_without_identifiers_every_row_is_a_patient_and_that_is_said_loudly() -> None:
    own = accept(strings().drop(columns=[ENCOUNTER, PATIENT]), "f.csv")
    assert own.frame[PATIENT].nunique() == own.frame[ENCOUNTER].nunique() == 60
    assert own.notes[0] == "no column 'encounter_id': encounters that come twice cannot be found"
    assert own.notes[1].startswith("no column 'patient_nbr': EVERY ROW COUNTS AS A PATIENT OF ITS OWN")


def test_columns_without_a_value_are_named() -> None:
    own = accept(strings(race=np.nan, payer_code=np.nan, weight=np.nan), "f.csv")
    assert own.notes == ("without any value: race, payer_code",)  # nobody watches the weight


def test_a_column_of_labels_without_labels_is_none() -> None:
    own = accept(strings(readmitted=np.nan), "f.csv")
    assert not own.labelled
    assert own.notes[0] == "column 'readmitted' is empty: outcomes are not known"
    assert outcomes_of(own, "any").y is None


@pytest.mark.parametrize(("dead", "count"), [(20, "20"), (3, "fewer than 11")])
def test_who_cannot_be_readmitted_is_left_out(dead: int, count: str) -> None:
    own = accept(strings(**first(dead, EXPIRED, "discharge_disposition_id")), "f.csv")
    assert len(own.frame) == 60 - dead
    assert f"{count} encounters that ended in death or hospice are left out" in own.notes


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (strings().drop(columns="age"), "column 'age' is missing; add it"),
        (strings(note=CANARY), "column 'note' is not one of the 50 declared columns; remove it"),
        (strings(**first(3, CANARY, "race")), "column 'race': 3 rows with values outside the 5 declared categories"),
        (strings(gender=np.nan), "column 'gender': 60 rows with values that are missing; correct them"),
        (strings(**first(2, "70007", ENCOUNTER)), "column 'encounter_id': 2 rows with values that occur twice"),
        (strings(**first(4, np.nan, PATIENT)), "column 'patient_nbr': 4 rows with no whole number; correct them"),
        (
            strings(**first(5, CANARY, TARGET_COLUMN)),
            "column 'readmitted': 5 rows are neither NO nor >30 nor <30; write them so, or leave the column out",
        ),
        (
            strings(**first(7, np.nan, TARGET_COLUMN)),
            "column 'readmitted': 7 of 60 rows have no label; complete them, or leave the whole column out",
        ),
        (strings(10), "fewer than 11 patients that can be readmitted, of whom nothing may be told"),
        (strings(patient_nbr="5"), "fewer than 11 patients"),
        (strings(discharge_disposition_id=EXPIRED), "fewer than 11 patients"),
    ],
)
def test_what_is_refused_names_file_column_rows_and_cure(frame: pd.DataFrame, words: str) -> None:
    with pytest.raises(InputError) as refused:
        accept(frame, "f.csv")
    assert str(refused.value).startswith(f"f.csv: {words}")
    assert CANARY not in str(refused.value)


def labelled(positives: int, patients: int = 60) -> OwnEncounters:
    frame = encounters(60, seed=1)
    y = np.where(np.arange(60) < positives, "<30", "NO")
    return OwnEncounters(frame.assign(readmitted=y, patient_nbr=np.arange(60) % patients + 1), ())


@pytest.mark.parametrize(("positives", "told"), [(0, True), (1, False), (10, False), (11, True), (50, False)])
def test_outcomes_that_few_patients_have_are_not_told(positives: int, told: bool) -> None:
    outcomes = outcomes_of(labelled(positives), "any")
    assert (outcomes.y is not None, outcomes.notes == ()) == (told, told)
    if told:
        assert outcomes.y.sum() == positives
    else:
        assert outcomes.notes == (
            "fewer than 11 patients have one of the two outcomes: nothing is told of the outcomes",
        )


def test_patients_are_counted_and_not_rows() -> None:
    assert outcomes_of(labelled(20), "any").y is not None
    assert outcomes_of(labelled(20, patients=10), "any").y is None
