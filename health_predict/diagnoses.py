"""ICD-9-CM codes as the features see them: chapters, finer groups and comorbidities, declared as ranges.

Chapters: Strack et al. 2014, table 2 (doi 10.1155/2014/781670). Groups and comorbidities follow the chapter headings
of ICD-9-CM and the conditions of the Elixhauser index, cut down to what three diagnoses can show. No pandas here.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from health_predict.columns import DIAGNOSIS_PATTERN

# (kind, low, high): kind "" is a plain number, "V" and "E" the supplementary classes; low <= code < high
Range = tuple[str, float, float]
Groups = tuple[tuple[str, tuple[Range, ...]], ...]

REST = "other"
_CODE = re.compile(DIAGNOSIS_PATTERN)


def _numbers(*spans: float | tuple[float, float]) -> tuple[Range, ...]:
    """Turn 428 or (410, 414) into ranges that include every decimal of their last code."""
    pairs = [span if isinstance(span, tuple) else (span, span) for span in spans]
    return tuple(("", float(low), float(int(high) + 1)) for low, high in pairs)


def _diabetes(low: float, high: float) -> tuple[Range, ...]:
    """Ranges inside 250.x, whose first decimal is the complication (250.4: renal)."""
    return (("", low, high),)


CHAPTERS: Groups = (
    ("circulatory", _numbers((390, 459), 785)),
    ("respiratory", _numbers((460, 519), 786)),
    ("digestive", _numbers((520, 579), 787)),
    ("diabetes", _numbers(250)),
    ("injury", _numbers((800, 999))),
    ("musculoskeletal", _numbers((710, 739))),
    ("genitourinary", _numbers((580, 629), 788)),
    ("neoplasms", _numbers((140, 239))),
)

# The first group that matches holds, so narrow ranges stand before the wide ones that contain them.
GROUPS: Groups = (
    ("sepsis", _numbers(38)),
    ("infection", _numbers((1, 139))),
    ("cancer_digestive", _numbers((150, 159))),
    ("cancer_chest", _numbers((160, 165))),
    ("cancer_urogenital", _numbers((174, 189))),
    ("cancer_spread_or_blood", _numbers((196, 208))),
    ("neoplasm_other", _numbers((140, 239))),
    ("diabetes_plain", _diabetes(250.0, 250.1)),
    ("diabetes_acute", _diabetes(250.1, 250.4)),
    ("diabetes_renal", _diabetes(250.4, 250.5)),
    ("diabetes_eye_or_nerve", _diabetes(250.5, 250.7)),
    ("diabetes_vascular_or_other", _diabetes(250.7, 251.0)),
    ("lipids", _numbers(272)),
    ("fluids", _numbers(276)),
    ("obesity", _numbers(278)),
    ("endocrine_other", _numbers((240, 279))),
    ("anaemia", _numbers((280, 285))),
    ("blood_other", _numbers((286, 289))),
    ("dementia", _numbers(290, 294, 331)),
    ("substances", _numbers((291, 292), (303, 305))),
    ("mood", _numbers(296, 300, 311)),
    ("mental_other", _numbers((293, 319))),
    ("nervous", _numbers((320, 359))),
    ("eye_or_ear", _numbers((360, 389))),
    ("hypertension", _numbers(401, 405)),
    ("hypertensive_heart_or_kidney", _numbers((402, 404))),
    ("infarction", _numbers(410)),
    ("ischaemic_heart", _numbers((411, 414))),
    ("pulmonary_circulation", _numbers((415, 417))),
    ("rhythm", _numbers((426, 427))),
    ("heart_failure", _numbers(428)),
    ("heart_other", _numbers((390, 398), (420, 429))),
    ("cerebrovascular", _numbers((430, 438))),
    ("arteries", _numbers((440, 449))),
    ("veins", _numbers((451, 459))),
    ("pneumonia", _numbers((480, 488))),
    ("obstructive_lung", _numbers((490, 496))),
    ("respiratory_other", _numbers((460, 519))),
    ("liver", _numbers((570, 573))),
    ("gallbladder_or_pancreas", _numbers((574, 577))),
    ("digestive_other", _numbers((520, 579))),
    ("renal_acute", _numbers(584)),
    ("renal_chronic", _numbers((585, 586))),
    ("urinary_other", _numbers((580, 599))),
    ("genital_or_pregnancy", _numbers((600, 679))),
    ("skin_infection_or_ulcer", _numbers((681, 682), 707)),
    ("skin_other", _numbers((680, 709))),
    ("musculoskeletal", _numbers((710, 739))),
    ("chest_symptoms", _numbers((785, 786))),
    ("symptoms_other", _numbers((740, 799))),
    ("fracture", _numbers((800, 829))),
    ("care_complication", _numbers((996, 999))),
    ("injury_other", _numbers((800, 999))),
    ("supplementary", (("V", 0.0, 100.0),)),
    ("external_cause", (("E", 0.0, 1000.0),)),
)

COMORBIDITIES: Groups = (
    ("heart_failure", _numbers(428)),
    ("ischaemic_heart", _numbers((410, 414))),
    ("rhythm", _numbers((426, 427))),
    ("hypertension", _numbers((401, 405))),
    ("valves", _numbers((394, 397), 424)),
    ("pulmonary_circulation", _numbers((415, 417))),
    ("peripheral_vessels", _numbers((440, 447))),
    ("cerebrovascular", _numbers((430, 438))),
    ("obstructive_lung", _numbers((490, 496))),
    ("pneumonia", _numbers((480, 488))),
    ("respiratory_failure", _numbers(518)),
    ("renal_acute", _numbers(584)),
    ("renal_chronic", _numbers((585, 586))),
    ("urinary_infection", _numbers(599)),
    ("liver", _numbers((570, 573))),
    ("anaemia", _numbers((280, 285))),
    ("fluids", _numbers(276)),
    ("obesity", _numbers(278)),
    ("mood", _numbers(296, 300, 311)),
    ("substances", _numbers((291, 292), (303, 305))),
    ("dementia", _numbers(290, 294, 331)),
    ("cancer", _numbers((140, 208))),
    ("skin_infection_or_ulcer", _numbers((681, 682), 707)),
    ("sepsis_or_infection", _numbers(38, (1, 37))),
)
DIABETES_COMPLICATION: tuple[Range, ...] = _diabetes(250.1, 251.0)


def names(groups: Groups) -> tuple[str, ...]:
    """Name every level of `groups`, with the rest last."""
    return (*(name for name, _ in groups), REST)


@lru_cache(maxsize=20_000)  # ICD-9-CM has about 15,000 codes, and each is asked for by dozens of features
def parse(code: str) -> tuple[str, float]:
    """Split an ICD-9-CM code into class ("", "V" or "E") and number: "250.83" -> ("", 250.83).

    Raises:
        ValueError: `code` is no ICD-9-CM code; the message does not quote it.
    """
    if not _CODE.fullmatch(code):
        raise ValueError("not an ICD-9-CM code")
    kind = code[:1] if code[:1] in ("V", "E") else ""
    return kind, float(code[len(kind) :])


def within(code: str, ranges: Sequence[Range]) -> bool:
    """Tell whether an ICD-9-CM code lies in one of `ranges`."""
    kind, number = parse(code)
    return any(kind == wanted and low <= number < high for wanted, low, high in ranges)


def group_of(code: str, groups: Sequence[tuple[str, Sequence[Range]]]) -> str:
    """Name the first group that contains the code, or "other"."""
    return next((name for name, ranges in groups if within(code, ranges)), REST)
