"""The arithmetic of make cost, and that no price passes for a fact without its source."""

import json
import re
from pathlib import Path

import pytest

from health_predict.errors import InputError
from infra.aws.cost import PRICES, Price, cost, main, read_prices, table
from stacks.environment import PROJECT

MACHINE = Price("machine", 1, "running-hour", 0.20, "estimate")
DISK = Price("disk (GiB)", 73, "month", 0.10, "a list, 2026-01-02")
LINE = "{item: a, quantity: 1, per: month, price: 2, estimate: true}"


def written(folder: Path, line: str) -> Path:
    file = folder / "prices.yaml"
    file.write_text(f"currency: USD\nregion: us-east-1\nprices:\n  - {line}\n")
    return file


def test_a_machine_that_always_runs() -> None:
    result = cost((MACHINE, DISK), 24)
    assert result.month == pytest.approx(0.20 * 730 + 7.30)  # AWS's month has 730 hours
    assert result.day == pytest.approx(result.month / (730 / 24))
    assert result.running_hour == pytest.approx(0.20 + 0.01)
    assert result.stopped_hour == pytest.approx(0.01)


def test_hours_a_day_change_what_runs_and_not_what_stays() -> None:
    none, half, full = (cost((MACHINE, DISK), hours).month for hours in (0, 12, 24))
    assert none == pytest.approx(7.30)
    assert half == pytest.approx((none + full) / 2)


def test_a_day_is_its_running_and_its_stopped_hours() -> None:
    result = cost((MACHINE, DISK), 9)
    assert result.day == pytest.approx(9 * result.running_hour + 15 * result.stopped_hour)


def test_what_exists_at_all_hours() -> None:
    assert cost((Price("address", 2, "hour", 0.01, "estimate"),), 3).month == pytest.approx(14.6)


@pytest.mark.parametrize("hours", [-1, 24.1, float("nan")])
def test_a_day_has_24_hours(hours: float) -> None:
    with pytest.raises(InputError, match="a day has 0 to 24 hours"):
        cost((MACHINE,), hours)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LINE.replace(", estimate: true", ""), "`source` and `date`"),
        (LINE.replace("estimate: true", "source: a list"), "`source` and `date`"),
        (LINE.replace("estimate: true", "source: a list, date: lately"), "`source` and `date`"),
        (LINE.replace("estimate: true", "estimate: false"), "`source` and `date`"),
        (LINE.replace("estimate", "source: x, date: 2026-01-02, estimate"), "`source` and `date`"),
        (LINE.replace("month", "week"), "per is 'week'"),
        (LINE.replace("price: 2", "price: -2"), "0 or more"),
        (LINE.replace("price: 2", "price: .nan"), "0 or more"),
        (LINE.replace("price: 2", "price: cheap"), "not a price table"),
        (LINE.replace("item: a, ", ""), "not a price table"),
        (LINE.replace("item", "discount: 3, item"), "unknown key 'discount'"),
    ],
)
def test_a_price_without_origin_or_sense_is_refused(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        read_prices(written(tmp_path, line))


def test_a_price_with_source_and_date_names_them(tmp_path: Path) -> None:
    _, (price,) = read_prices(written(tmp_path, LINE.replace("estimate: true", "source: a list, date: 2026-01-02")))
    assert price.origin == "a list, 2026-01-02"


def test_the_table_says_how_many_prices_are_estimates() -> None:
    text = table(cost((MACHINE, DISK), 10, "USD", "us-east-1"))
    assert "1 of 2 prices are estimates" in text
    assert re.search(r"machine .* 60\.83 +estimate", text)  # 0.20 x 10 x 730 / 24
    assert "USD, us-east-1: 0.210 an hour running, 0.010 an hour stopped" in text


def test_the_committed_prices_are_for_what_terraform_makes_by_default() -> None:
    heading, prices = read_prices()
    defaults = dict(re.findall(r'variable "(\w+)" \{.*?default +=\s*(\S+)', _variables(), re.DOTALL))
    assert {name: str(value) for name, value in heading["shape"].items()} == {
        name: defaults[name].strip('"') for name in heading["shape"]
    }
    assert heading["region"] == defaults["region"].strip('"')
    quantities = {price.item: price.quantity for price in prices}
    assert quantities["EBS gp3 root disk (GiB)"] == heading["shape"]["root_volume_gib"]
    assert quantities["EBS gp3 data disk (GiB)"] == heading["shape"]["data_volume_gib"]
    assert [item for item in quantities if heading["shape"]["instance_type"] in item]


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--hours-per-day", "24", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["month"] == pytest.approx(sum(line["month"] for line in answer["lines"]))
    assert answer["month"] == pytest.approx(cost(read_prices()[1], 24).month)


def test_a_wrong_hour_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--hours-per-day", "25"]) == 2
    assert capsys.readouterr().err == "error: --hours-per-day 25: a day has 0 to 24 hours\n"


def _variables() -> str:
    assert PRICES.is_relative_to(PROJECT)
    return (PROJECT / "infra" / "terraform" / "variables.tf").read_text()
