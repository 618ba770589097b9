import pytest
from hypothesis import given
from hypothesis import strategies as st

from health_predict.columns import DIAGNOSIS_PATTERN
from health_predict.diagnoses import (
    CHAPTERS,
    COMORBIDITIES,
    DIABETES_COMPLICATION,
    GROUPS,
    REST,
    group_of,
    names,
    parse,
    within,
)

EVERY_CODE = (
    [str(number) for number in range(1000)]
    + [f"250.{decimals:02d}" for decimals in range(100)]
    + [f"V{number:02d}" for number in range(100)]
    + [f"E{number:03d}" for number in range(1000)]
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("250", ("", 250.0)),
        ("250.83", ("", 250.83)),
        ("8", ("", 8.0)),
        ("V45.81", ("V", 45.81)),
        ("E849", ("E", 849.0)),
    ],
)
def test_parse(code: str, expected: tuple[str, float]) -> None:
    assert parse(code) == expected


@pytest.mark.parametrize("code", ["", "nan", "inf", "1e2", "1_0", "-5", " 250", "V", "E12", "I10", "CANARY-7731"])
def test_parse_refuses_what_is_no_code_without_quoting_it(code: str) -> None:
    with pytest.raises(ValueError, match=r"^not an ICD-9-CM code$"):
        parse(code)


@pytest.mark.parametrize(
    ("code", "chapter"),
    [
        ("390", "circulatory"),
        ("459.9", "circulatory"),
        ("785.5", "circulatory"),
        ("460", "respiratory"),
        ("519.99", "respiratory"),
        ("786", "respiratory"),
        ("520", "digestive"),
        ("787.91", "digestive"),
        ("250", "diabetes"),
        ("250.99", "diabetes"),
        ("249.9", REST),
        ("251", REST),
        ("800", "injury"),
        ("999.9", "injury"),
        ("710", "musculoskeletal"),
        ("739.9", "musculoskeletal"),
        ("580", "genitourinary"),
        ("629", "genitourinary"),
        ("788", "genitourinary"),
        ("140", "neoplasms"),
        ("239.9", "neoplasms"),
        ("240", REST),
        ("V42", REST),
        ("E849", REST),
        ("V45.0", REST),
    ],
)
def test_chapters_of_strack(code: str, chapter: str) -> None:
    assert group_of(code, CHAPTERS) == chapter


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("38.9", "sepsis"),
        ("8", "infection"),
        ("139", "infection"),
        ("250", "diabetes_plain"),
        ("250.02", "diabetes_plain"),
        ("250.1", "diabetes_acute"),
        ("250.33", "diabetes_acute"),
        ("250.4", "diabetes_renal"),
        ("250.43", "diabetes_renal"),
        ("250.5", "diabetes_eye_or_nerve"),
        ("250.6", "diabetes_eye_or_nerve"),
        ("250.7", "diabetes_vascular_or_other"),
        ("250.93", "diabetes_vascular_or_other"),
        ("276.8", "fluids"),
        ("273", "endocrine_other"),
        ("294.8", "dementia"),
        ("295", "mental_other"),
        ("404.93", "hypertensive_heart_or_kidney"),
        ("428.0", "heart_failure"),
        ("585.6", "renal_chronic"),
        ("599", "urinary_other"),
        ("707.15", "skin_infection_or_ulcer"),
        ("V57", "supplementary"),
        ("E878.1", "external_cause"),
        ("450", REST),
    ],
)
def test_groups_by_hand(code: str, group: str) -> None:
    assert group_of(code, GROUPS) == group


@pytest.mark.parametrize("code", ["250.1", "250.83", "250.99"])
def test_diabetes_with_a_complication(code: str) -> None:
    assert within(code, DIABETES_COMPLICATION)


@pytest.mark.parametrize("code", ["250", "250.0", "250.03", "249", "251", "V45"])
def test_diabetes_without_a_complication(code: str) -> None:
    assert not within(code, DIABETES_COMPLICATION)


@pytest.mark.parametrize("declared", [CHAPTERS, GROUPS, COMORBIDITIES], ids=["chapters", "groups", "comorbidities"])
def test_every_level_can_be_reached(declared) -> None:
    assert {group_of(code, declared) for code in EVERY_CODE} == set(names(declared))
    assert len(set(names(declared))) == len(names(declared))


def test_chapters_do_not_overlap() -> None:
    for code in EVERY_CODE:
        assert sum(within(code, ranges) for _, ranges in CHAPTERS) <= 1, code


def test_no_real_diagnosis_falls_outside_the_fine_groups(real_raw) -> None:
    codes = {code for column in ("diag_1", "diag_2", "diag_3") for code in real_raw.frame[column].dropna().unique()}
    assert REST not in {group_of(code, GROUPS) for code in codes}


@given(st.from_regex(DIAGNOSIS_PATTERN, fullmatch=True))
def test_every_code_has_one_level_and_its_flags_are_those_of_its_number(code: str) -> None:
    assert group_of(code, CHAPTERS) in names(CHAPTERS)
    assert group_of(code, GROUPS) in names(GROUPS)
    kind, number = parse(code)
    assert kind == (code[0] if code[0] in "VE" else "")
    assert within(code, ((kind, number, number + 0.01),))
    assert not within(code, ((kind, number + 0.01, 1000.0),))
