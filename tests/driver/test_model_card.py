from dataclasses import dataclass

from adapters.mlflow_versions import RegisteredVersion
from driver.model_card import _evaluated, _test_part


@dataclass(frozen=True)
class Versions:
    known: dict[str, RegisteredVersion]

    def find(self, version: str) -> RegisteredVersion:
        return self.known[version]


def version(number: str, **tags: str) -> RegisteredVersion:
    return RegisteredVersion("HealthPredict", number, f"run-{number}", "models:/m-1", tags)


def test_a_recalibrated_version_is_judged_by_the_one_that_was_evaluated() -> None:
    retrained = version("3", trigger="retrain:b1")
    once, twice = version("4", recalibrated_from="3"), version("5", recalibrated_from="4")
    registry = Versions({v.version: v for v in (retrained, once, twice)})
    assert _evaluated(registry, twice) is retrained
    assert _evaluated(registry, retrained) is retrained


def test_what_the_test_part_is_depends_on_how_the_version_came_about() -> None:
    assert "newest labelled encounters" in _test_part(version("3", trigger="retrain:b1"))
    assert "15 % of the patients" in _test_part(version("1"))
