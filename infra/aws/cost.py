"""What the stack `aws` costs by the hour, day and month: `python -m infra.aws.cost [--hours-per-day N] [--json]`.

It multiplies infra/aws/prices.yaml and asks AWS for nothing. Taxes, credits and data out to the internet are not in it.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from health_predict.errors import HealthPredictError, InputError
from stacks.environment import PROJECT

PRICES = PROJECT / "infra" / "aws" / "prices.yaml"
HOURS_PER_MONTH = 730.0  # 365 days of 24 hours by 12, as AWS counts
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
UNITS = ("running-hour", "hour", "month")


@dataclass(frozen=True)
class Price:
    """One line of the price table; `origin` is where and when its price was read, or the word estimate."""

    item: str
    quantity: float
    per: str
    price: float
    origin: str

    def monthly(self, hours_per_day: float) -> float:
        """Return what it costs in a month, with the machine running `hours_per_day` (0 to 24)."""
        times = {"running-hour": hours_per_day * DAYS_PER_MONTH, "hour": HOURS_PER_MONTH, "month": 1.0}
        return self.quantity * self.price * times[self.per]


@dataclass(frozen=True)
class Cost:
    """The sum: an hour that the machine runs, an hour that it stands still, a day and a month; in `currency`."""

    currency: str
    region: str
    hours_per_day: float
    running_hour: float
    stopped_hour: float
    day: float
    month: float
    estimates: int
    lines: tuple[tuple[Price, float], ...]


def read_prices(file: Path = PRICES) -> tuple[Mapping[str, Any], tuple[Price, ...]]:
    """Return the table's heading and its prices; InputError names a line without origin or with a wrong value."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        lines = content["prices"]
        prices = tuple(_price(line, number) for number, line in enumerate(lines, start=1))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file.name}: not a price table: {error}") from error
    return content, prices


def cost(prices: tuple[Price, ...], hours_per_day: float, currency: str = "USD", region: str = "") -> Cost:
    """Return the sums; InputError if `hours_per_day` is not from 0 to 24."""
    if not 0 <= hours_per_day <= 24:
        raise InputError(f"--hours-per-day {hours_per_day:g}: a day has 0 to 24 hours")
    month = sum(price.monthly(hours_per_day) for price in prices)
    return Cost(
        currency=currency,
        region=region,
        hours_per_day=hours_per_day,
        running_hour=sum(price.monthly(24) for price in prices) / HOURS_PER_MONTH,
        stopped_hour=sum(price.monthly(0) for price in prices) / HOURS_PER_MONTH,
        day=month / DAYS_PER_MONTH,
        month=month,
        estimates=sum(price.origin == "estimate" for price in prices),
        lines=tuple((price, price.monthly(hours_per_day)) for price in prices),
    )


def table(result: Cost) -> str:
    """Return the cost as a table for people."""
    width = max(len(price.item) for price, _ in result.lines)
    rows = [f"{'item':{width}}  {'quantity':>8}  {'price':>8}  {'per':12}  {'a month':>9}  origin"]
    rows += [
        f"{price.item:{width}}  {price.quantity:8g}  {price.price:8g}  {price.per:12}  {month:9.2f}  {price.origin}"
        for price, month in result.lines
    ]
    sums = f"{result.running_hour:.3f} an hour running, {result.stopped_hour:.3f} an hour stopped"
    rows += [
        "",
        f"{result.currency}, {result.region}: {sums}",
        f"with {result.hours_per_day:g} hours a day: {result.day:.2f} a day, {result.month:.2f} a month",
    ]
    if result.estimates:
        rows.append(f"{result.estimates} of {len(result.lines)} prices are estimates: see infra/aws/prices.yaml")
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Print the cost; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.cost", description=__doc__.splitlines()[0])
    parser.add_argument("--hours-per-day", type=float, default=10.0, help="hours that the machine runs (default: 10)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        heading, prices = read_prices()
        result = cost(prices, chosen.hours_per_day, heading["currency"], heading["region"])
    except HealthPredictError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(json.dumps(_as_json(result), indent=1) if chosen.json else table(result))  # noqa: T201
    return 0


def _as_json(result: Cost) -> dict[str, Any]:
    sums = {name: value for name, value in asdict(result).items() if name != "lines"}
    return {**sums, "lines": [{**asdict(price), "month": month} for price, month in result.lines]}


def _price(line: Mapping[str, Any], number: int) -> Price:
    where = f"prices.yaml: line {number} of prices"
    unknown = set(line) - {"item", "quantity", "per", "price", "source", "date", "estimate"}
    if unknown:
        raise InputError(f"{where}: unknown key '{sorted(unknown)[0]}'")
    if line["per"] not in UNITS:
        raise InputError(f"{where}: per is '{line['per']}'; known: {', '.join(UNITS)}")
    if not (float(line["quantity"]) >= 0 and float(line["price"]) >= 0):
        raise InputError(f"{where}: quantity and price are 0 or more")
    return Price(line["item"], float(line["quantity"]), line["per"], float(line["price"]), _origin(line, where))


def _origin(line: Mapping[str, Any], where: str) -> str:
    read = isinstance(line.get("source"), str) and isinstance(line.get("date"), date)
    if read == (line.get("estimate") is True):
        raise InputError(f"{where}: a price has `source` and `date` (a day), or `estimate: true`")
    return f"{line['source']}, {line['date']}" if read else "estimate"


if __name__ == "__main__":
    sys.exit(main())
