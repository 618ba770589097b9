import pytest

from configs.loading import load
from configs.train import TrainConfig
from health_predict.errors import InputError


def test_both_profiles_load_and_differ_in_the_search() -> None:
    quick, full = (load(TrainConfig, "train", name) for name in ("quick", "full"))
    assert quick.search.trials >= 24
    assert full.search.trials == 200
    assert quick.promotion == full.promotion


def test_pairs_stand_over_the_profile_and_keep_their_neighbours() -> None:
    config = load(TrainConfig, "train", "quick", ["search.trials=3", "target=within_30_days"])
    assert (config.search.trials, config.target) == (3, "within_30_days")
    assert config.search.reduction == load(TrainConfig, "train", "quick").search.reduction


def test_a_file_is_laid_over_the_defaults(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "search: {trials: 5, max_size: {logistic_regression: 1, random_forest: 25, xgboost: 9}}\n"
        "selection: {candidates_per_family: 1}\nseed: 3\n"
    )
    config = load(TrainConfig, "train", str(file))
    assert (config.search.trials, config.seed) == (5, 3)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("serach.trials=3", r"unknown key serach; did you mean search\?"),
        ("search.trails=3", r"unknown key search\.trails; did you mean search\.trials\?"),
        ("search.trials=many", r"search\.trials: Input should be a valid integer"),
        ("search.trials=0", r"search\.trials: Input should be greater than 0"),
        ("target=someday", r"target: Input should be 'any' or 'within_30_days'"),
        ("seed", r"--set seed: write it as key=value"),
        ("=3", r"write it as key=value"),
        ("seed=[", r"--set seed: the value is not readable as YAML"),
        ("search=3", r"search: "),
    ],
)
def test_a_wrong_pair_is_one_line(pair: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(TrainConfig, "train", "quick", [pair])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", r"wrong\.yaml, line 1: not readable as YAML|wrong\.yaml.*not readable as YAML"),
        ("- 1", r"wrong\.yaml: a mapping of keys"),
        ("sed: 3", r"wrong\.yaml: unknown key sed; did you mean seed\?"),
    ],
)
def test_a_wrong_file_is_one_line(content: str, message: str, tmp_path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        load(TrainConfig, "train", str(file))
    assert "\n" not in str(caught.value)


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(InputError, match=r"neither a profile \(full, quick, small\) nor a YAML file"):
        load(TrainConfig, "train", "quik")
