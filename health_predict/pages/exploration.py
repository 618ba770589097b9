"""The exploration page: what the initial encounters look like before a model sees them."""

from health_predict.columns import BY_NAME
from health_predict.exploration import EARLIER, LAST, ONLY, Exploration, Grouping, Share
from health_predict.pages.charts import Bar, along, bars, columns, forest, rate_rows
from health_predict.pages.drawing import BLUE, ORANGE, SKY
from health_predict.pages.frame import Figure, Section, Table, Text, percent, percent_interval, render
from health_predict.rates import Rate
from health_predict.reading import Provenance
from health_predict.splits import NOT_AT_RISK
from health_predict.target import MEANING

_USE = {
    "train": "fits the candidates; described below",
    "validation": "steers the search; described below",
    "test": "judges the chosen model once; only counted here",
    "future": "arrives later, batch by batch; only counted here",
}
_DISPOSITIONS = {
    11: "expired",
    13: "hospice, at home",
    14: "hospice, in a facility",
    19: "expired at home, in hospice",
    20: "expired in a facility, in hospice",
    21: "expired, place unknown, in hospice",
}
_NAMES = {
    "age": "age",
    "admission_type_id": "admission type",
    "number_inpatient": "inpatient stays in the year before",
    "A1Cresult": "haemoglobin A1c test",
    "time_in_hospital": "days in hospital",
    "num_lab_procedures": "lab tests",
    "num_procedures": "other procedures",
    "num_medications": "distinct drugs",
    "number_outpatient": "outpatient visits in the year before",
    "number_emergency": "emergency visits in the year before",
    "number_diagnoses": "diagnoses entered",
    "diag_1": "chapter of the first diagnosis",
}
_POSITIONS = {
    EARLIER: "followed by another encounter of the patient",
    LAST: "the last of several",
    ONLY: "the patient's only one",
}
_KIND_COLOURS = {"missing": BLUE, "unknown code": ORANGE, "not measured": SKY}
_KIND_TEXTS = (
    'missing: the file says "?".',
    'unknown code: the file gives a number that stands for "not available", "not mapped" or nothing.',
    "not measured: a value in its own right, since whether a test is ordered tells something about the patient.",
    "weight and payer_code feed no feature: they are absent too often, payer_code throughout the early encounters.",
)


def exploration_page(exploration: Exploration, provenance: Provenance) -> str:
    """Write the exploration page as one self-contained HTML string."""
    whole = exploration.overall
    facts = [
        ("target", MEANING[exploration.target]),
        ("encounters described", f"{whole.rows:,}"),
        ("patients", f"{whole.patients:,}"),
        ("target rate", percent_interval(whole.share)),
    ]
    sections = [section(exploration) for section in (_parts, _groups, _absent, _time, _counts)]
    lead = "The train and validation encounters, which the model may learn from; test and future ones are only counted."
    return render("Data exploration", sections, provenance, lead=lead, facts=facts)


def _parts(exploration: Exploration) -> Section:
    kept = sum(count for _, count in exploration.rows)
    parts = [(part, f"{count:,}", percent(count / kept), _USE.get(part, "")) for part, count in exploration.rows]
    whole, dropped = exploration.overall, exploration.encounters - kept
    positives = round(whole.share.value * whole.rows)
    described = (
        ("encounters", f"{whole.rows:,}"),
        ("patients", f"{whole.patients:,}"),
        (f"positives ({MEANING[exploration.target]})", f"{positives:,}"),
        ("positives per encounter", percent_interval(whole.share)),
        ("encounters per patient", f"{whole.rows / whole.patients:.2f}"),
    )
    excluded = Table(
        f"Left out: {dropped:,} of {exploration.encounters:,} encounters ({percent(dropped / exploration.encounters)})",
        ("discharge disposition", "meaning"),
        tuple((str(code), _DISPOSITIONS[code]) for code in NOT_AT_RISK),
        note="No readmission can follow; keeping them would make the task look easier than it is.",
        texts=(0, 1),
        abreast=True,
    )
    return Section(
        "Parts and exclusions",
        "The first 20 % of the encounters in arrival order are split by patient into train, validation and test.",
        (
            Table("Encounters per part", ("part", "encounters", "share", "use"), tuple(parts), texts=(0, 3)),
            Table("Train and validation together", ("", "value"), described, abreast=True),
            excluded,
        ),
    )


def _groups(exploration: Exploration) -> Section:
    whole = exploration.overall.share.value
    groupings = (*exploration.rates, exploration.chapters)
    highest = max(rate.share.high for grouping in groupings for rate in grouping.rates)
    figures = tuple(_rate_figure(grouping, whole, min(1.0, 1.05 * highest)) for grouping in groupings)
    return Section(
        f"Who is {MEANING[exploration.target]}",
        "Target rate per group, with the group's size at the right; the dashed line is the rate of all together.",
        figures,
    )


def _rate_figure(grouping: Grouping, whole: float, highest: float) -> Figure:
    title = f"Target rate by {_NAMES[grouping.column]}"
    svg = forest(
        rate_rows(grouping.rates),
        name=f"rate-{grouping.column}",
        alt=f"{title}: {_spoken(grouping.rates)}",
        axis="target rate",
        line=whole,
        line_label=f"all {percent(whole)}",
        limits=(0.0, highest),
    )
    return Figure(title, svg, _extremes(grouping.rates))


def _spoken(rates: tuple[Rate, ...]) -> str:
    return "; ".join(f"{rate.label} {percent_interval(rate.share)}" for rate in rates)


def _extremes(rates: tuple[Rate, ...]) -> str:
    if len(rates) == 1:
        return f"One group only: {rates[0].label}, {percent_interval(rates[0].share)}."
    low, high = min(rates, key=_value), max(rates, key=_value)
    verdict = "do not overlap" if low.share.high < high.share.low else "overlap"
    ends = f"Lowest for {low.label} ({percent(_value(low))}), highest for {high.label} ({percent(_value(high))})"
    return f"{ends}; their intervals {verdict}."


def _value(rate: Rate) -> float:
    return rate.share.value


def _absent(exploration: Exploration) -> Section:
    absences = exploration.absences
    lines = [Bar(a.column, a.share.value, a.kind, share_text(a.share)) for a in absences]
    alt = "Share of encounters without information: " + "; ".join(f"{b.label}, {b.kind}: {b.note}" for b in lines)
    svg = bars(lines, _KIND_COLOURS, name="absence", alt=alt, axis="share of encounters")
    rows = tuple((a.column, BY_NAME[a.column].meaning, a.kind, share_text(a.share)) for a in absences)
    reading = f"{exploration.complete_columns} of the {len(BY_NAME)} columns are complete and not shown."
    return Section(
        "What is missing",
        "Columns that say nothing for some encounters, by the way in which they are silent.",
        (
            Figure("Missing information per column", svg, reading),
            Text(_KIND_TEXTS, abreast=True),
            Table("In numbers", ("column", "meaning", "kind", "share"), rows, texts=(0, 1, 2), folded=True),
        ),
    )


def share_text(share: Share) -> str:
    """Write a share, or that under 11 patients are on one side of it."""
    if share.few:
        return "all but under 11 patients" if share.value else "under 11 patients"
    return percent(share.value)


def _time(exploration: Exploration) -> Section:
    time = exploration.time
    steps = f"of {time.steps:,} steps between consecutive encounters of one patient"
    evidence = Table(
        "Does encounter_id rise in time?",
        ("if it does ...", "... this is", "seen"),
        (
            (f"people grow older: {steps}, those to a higher age bracket", "above 0", share_text(time.older)),
            (f"nobody grows younger: {steps}, those to a lower one", "0", share_text(time.younger)),
            *(
                (
                    f"readmitted at all, of encounters that are {_POSITIONS[rate.label]}",
                    "near 100 %" if rate.label == EARLIER else "far lower",
                    percent_interval(rate.share),
                )
                for rate in time.positions.rates
                if rate.label in _POSITIONS
            ),
        ),
        texts=(0,),
    )
    return Section(
        "Arrival order",
        "Encounters are taken in the order of encounter_id. All of this is computed on train and validation alone.",
        (evidence, *(_trend_figure(grouping) for grouping in time.trends)),
        columns="small",
    )


def _trend_figure(grouping: Grouping) -> Figure:
    first, last = grouping.rates[0], grouping.rates[-1]
    svg = along(
        grouping.rates,
        name=f"trend-{grouping.column}",
        alt=f"{grouping.column} by tenth of the encounters in arrival order: {_spoken(grouping.rates)}",
        axis="tenth of the encounters",
        ylabel="share",
    )
    reading = f"From {percent(_value(first))} in the first tenth to {percent(_value(last))} in the last."
    return Figure(_capital(grouping.column), svg, reading)


def _counts(exploration: Exploration) -> Section:
    return Section(
        "How the counts are spread",
        "Share of the encounters per value or range; a label with + holds everything above.",
        tuple(_count_figure(grouping) for grouping in exploration.counts),
        columns="small",
    )


def _count_figure(grouping: Grouping) -> Figure:
    name, total = _NAMES[grouping.column], sum(rate.rows for rate in grouping.rates)
    most = max(grouping.rates, key=lambda rate: rate.rows)
    alt = f"{name}: " + "; ".join(f"{rate.label}: {rate.rows:,} encounters" for rate in grouping.rates)
    svg = columns(grouping.rates, name=f"count-{grouping.column}", alt=alt, axis=grouping.column)
    return Figure(_capital(name), svg, f"Most frequent: {most.label} ({percent(most.rows / total)}).")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
