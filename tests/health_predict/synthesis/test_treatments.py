"""A treatment's text and its columns say the same."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from health_predict.columns import BY_NAME
from health_predict.synthesis.treatments import TREATMENT_COLUMNS, columns, group, spell

rows = st.lists(
    st.tuples(*(st.sampled_from(BY_NAME[name].categories) for name in TREATMENT_COLUMNS)), min_size=1, max_size=5
)


@settings(max_examples=20)
@given(rows)
def test_columns_reads_what_spell_wrote(records):
    frame = pd.DataFrame(records, columns=list(TREATMENT_COLUMNS))
    pd.testing.assert_frame_equal(pd.DataFrame(columns(spell(frame).to_numpy())), frame)


def test_a_group_keeps_insulin_change_flag_and_whether_metformin_is_on():
    text = "metformin=Up glipizide=Steady insulin=Down change=Ch diabetesMed=Yes"
    assert group(text) == "insulin=Down change=Ch diabetesMed=Yes metformin"
    assert group("glipizide=Steady diabetesMed=Yes") == "diabetesMed=Yes"
    assert group("") == ""
