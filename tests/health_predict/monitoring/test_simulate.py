import numpy as np
import pandas as pd
import pytest

from health_predict.columns import AGES, ENCOUNTER
from health_predict.errors import InputError
from health_predict.monitoring.simulate import NAMES, Shift, inject, parse_shift
from health_predict.schema import build_schema
from health_predict.target import readmitted_binary
from tests.health_predict.monitoring.invented import encounters

FRAME = encounters(2000, seed=1)


def put(text: str, frame: pd.DataFrame = FRAME, seed: int = 0, target="any") -> pd.DataFrame:
    return inject(frame, parse_shift(text), target=target, seed=seed)


def changed(after: pd.DataFrame, before: pd.DataFrame = FRAME) -> dict[str, int]:
    counts = {name: int((after[name].fillna("") != before[name].fillna("")).sum()) for name in before.columns}
    return {name: count for name, count in counts.items() if count}


def test_age_moves_a_share_up_by_one_bracket() -> None:
    after = put("age:0.5")
    steps = after["age"].map(AGES.index) - FRAME["age"].map(AGES.index)
    assert set(steps) == {0, 1}
    could = FRAME["age"] != AGES[-1]
    assert steps[could].mean() == pytest.approx(0.5, abs=0.05)


def test_a1c_is_measured_twice_as_often_with_the_results_it_has() -> None:
    rare = FRAME.assign(A1Cresult=np.where(np.arange(2000) % 5 == 0, FRAME["A1Cresult"].replace("None", ">8"), "None"))
    after = put("a1c", rare)
    assert (after["A1Cresult"] != "None").sum() == 2 * (rare["A1Cresult"] != "None").sum()
    tested = rare["A1Cresult"] != "None"
    assert (after["A1Cresult"][tested] == rare["A1Cresult"][tested]).all()
    before, now = (f["A1Cresult"][f["A1Cresult"] != "None"].value_counts(normalize=True) for f in (rare, after))
    assert np.allclose(before.sort_index(), now.sort_index(), atol=0.08)


def test_insulin_payer_and_sicker_change_their_share_and_nothing_else() -> None:
    without = int((FRAME["insulin"] == "No").sum())
    assert changed(put("insulin:0.2")) == {"insulin": round(0.2 * without)}
    known = put("payer:0.3")["payer_code"].notna().sum() / FRAME["payer_code"].notna().sum()
    assert known == pytest.approx(0.7, abs=0.03)
    assert set(changed(put("payer:0.3"))) == {"payer_code"}
    sicker = put("sicker:0.3")
    assert set(changed(sicker)) == {"number_inpatient", "num_medications"}
    more = sicker["num_medications"] - FRAME["num_medications"]
    assert set(more[FRAME["num_medications"] <= 197]) == {0, 3}


def test_label_leaves_negatives_out_and_repeats_nobody() -> None:
    for target in ("any", "within_30_days"):
        after, before = put("label:0.1", target=target), readmitted_binary(FRAME, target).mean()
        assert after[ENCOUNTER].is_unique
        assert readmitted_binary(after, target).mean() == pytest.approx(before + 0.1, abs=0.002)
        assert readmitted_binary(after, target).sum() == readmitted_binary(FRAME, target).sum()
        kept = FRAME.set_index(ENCOUNTER).loc[after[ENCOUNTER]].reset_index()
        pd.testing.assert_frame_equal(kept[after.columns], after)


def test_concept_changes_only_outcomes_of_those_with_inpatient_stays() -> None:
    after = put("concept:1.0")
    stayed = FRAME["number_inpatient"] > 0
    assert set(after.loc[stayed, "readmitted"]) == {"NO"}
    assert (after.loc[~stayed, "readmitted"] == FRAME.loc[~stayed, "readmitted"]).all()
    assert set(changed(after)) == {"readmitted"}


@pytest.mark.parametrize("name", NAMES)
def test_every_shift_is_seeded_valid_and_leaves_its_input_alone(name) -> None:
    before = FRAME.copy()
    one, again, other = put(name), put(name), put(name, seed=1)
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)
    pd.testing.assert_frame_equal(FRAME, before)
    assert list(one.columns) == list(FRAME.columns)
    text = [c for c in one.columns if one[c].dtype == object]
    build_schema().validate(one.assign(**{c: one[c].where(one[c].notna(), np.nan) for c in text}))


@pytest.mark.parametrize("name", NAMES)
def test_a_stronger_shift_changes_more(name) -> None:
    weak, strong = {"a1c": ("0.2", "2")}.get(name, ("0.05", "0.4"))
    if name == "label":
        assert len(put(f"label:{strong}")) < len(put(f"label:{weak}"))
    else:
        assert sum(changed(put(f"{name}:{strong}")).values()) > sum(changed(put(f"{name}:{weak}")).values())


@pytest.mark.parametrize("name", NAMES)
def test_only_label_and_concept_need_labels(name) -> None:
    unlabelled = FRAME.drop(columns="readmitted")
    if name in ("label", "concept"):
        with pytest.raises(InputError, match="which the batch does not have"):
            put(name, unlabelled)
    else:
        assert len(put(name, unlabelled)) == len(unlabelled)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fever", "'fever' is not one of age, a1c"),
        ("", "'' is not one of"),
        ("age:", "strength ''"),
        ("age:much", "strength 'much' is not within 0 to 1"),
        ("age:0", "strength '0'"),
        ("age:nan", "strength 'nan'"),
        ("label:0.9", "within 0 to 0.5"),
    ],
)
def test_an_unknown_shift_is_one_line(text, message) -> None:
    with pytest.raises(InputError, match=message):
        parse_shift(text)


def test_shifts_say_what_they_do() -> None:
    assert parse_shift("age") == Shift("age", 0.3)
    assert all(parse_shift(name).meaning for name in NAMES)
