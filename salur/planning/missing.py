"""What is missing, and how much of it: the answer to give where others say "infeasible"; one thread, about a second.

The branch's limits are made elastic at a price, and the cheapest extension that reaches every reachable family is the answer: so many
people, so many leaders, so much more cash a day, so many more escorts, together. And the other way out: how many more days would do.
"""

from dataclasses import replace
from math import ceil

from salur.planning.channels import Split, split
from salur.planning.model import HALVES, MILLION, Model, kept_cash, kept_people, kept_venues
from salur.planning.rules import Inputs, Lack, Shortfall, Span

# What one more costs, relative to one more officer for the whole window; only the order matters: signatures before people.
PRICE = {Lack.LEADERS: 1.1, Lack.OFFICERS: 1.0, Lack.VAULT: 0.0005, Lack.ESCORTS: 0.3, Lack.COUNTERS: 1.0}
DAYS_MOST = 28
SECONDS = 5.0


def missing(inputs: Inputs, parts: Split) -> list[Shortfall]:
    """The cheapest set of more people, money, escorts and counters that reaches everyone; and the days that would do instead.

    By the relaxation, so each amount is the least: whole teams may need one or two more."""
    found, reached = _more_of_everything(inputs, parts)
    days = more_days(inputs)
    if days and (found or not reached):
        found.append(Shortfall(Lack.DAYS, days))
    if not found:
        # Neither resources nor days help: a session or a door that no day of the window can hold.
        found.append(Shortfall(Lack.DAYS, DAYS_MOST))
    return found


def _more_of_everything(inputs: Inputs, parts: Split) -> tuple[list[Shortfall], bool]:
    model = Model(inputs, parts)
    elastic: dict[tuple[Lack, int], tuple[int, float]] = {}  # → (column, unit)
    people: dict[int, float] = {}
    leaders: dict[int, float] = {}
    vault: list[int] = []
    escorts: list[int] = []
    escorts_in: dict[int, list[int]] = {}
    counters: dict[int, float] = {}
    for (kind, _, area), row in model.resource_row.items():
        if kind == "officers":
            people[row] = -1.0
        elif kind == "leaders":
            leaders[row] = -1.0
        elif kind == "vault":
            vault.append(row)
        elif kind == "escorts":
            escorts.append(row)
        elif kind == "escorts_in":
            escorts_in.setdefault(area, []).append(row)
        else:
            counters[row] = -float(inputs.branch.counter_per_day)
    elastic[Lack.OFFICERS, 0] = model.add_column(people, integer=True), 1.0
    elastic[Lack.LEADERS, 0] = model.add_column({**people, **leaders}, integer=True), 1.0
    elastic[Lack.VAULT, 0] = model.add_column(dict.fromkeys(vault, -1.0)), MILLION
    elastic[Lack.ESCORTS, 0] = model.add_column(dict.fromkeys(escorts, -1.0), integer=True), 1.0
    for kecamatan, rows in sorted(escorts_in.items()):
        elastic[Lack.ESCORTS, kecamatan] = model.add_column(dict.fromkeys(rows, -1.0), integer=True), 1.0
    if counters:
        elastic[Lack.COUNTERS, 0] = model.add_column(counters, integer=True), 1.0
    cost = {column: PRICE[lack] for (lack, _), (column, _) in elastic.items()}
    cost |= {column: 100.0 * families for column, families in model.unmet.items()}  # dearer than anything that helps
    answer = model.minimise(cost, seconds=SECONDS, relaxed=True)
    if answer.values is None:
        return [], False
    found = [
        Shortfall(lack, ceil(answer.values[column] - 1e-6) * int(unit), area)
        for (lack, area), (column, unit) in elastic.items()
        if answer.values[column] > 1e-6
    ]
    return found, model.unmet_families(answer.values) < 0.5


def more_days(inputs: Inputs) -> int | None:
    """The least days to add so that everyone is reached with what there is (by the relaxation, so at least so many)."""

    def enough(days: int) -> bool:
        longer = replace(inputs, window=replace(inputs.window, days=inputs.window.days + days))
        parts = split(longer)
        model = Model(longer, parts)
        cost = {column: float(families) for column, families in model.unmet.items()}
        answer = model.minimise(cost, seconds=SECONDS, relaxed=True)
        return answer.values is not None and answer.objective < 0.5

    days = 1
    while not enough(days):
        days *= 2
        if days > DAYS_MOST:
            return None
    low, high = days // 2, days
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def kept_lacks(inputs: Inputs) -> list[Shortfall]:
    """Where what was published needs more than is left, for example when people fell ill: by how much on the worst day."""
    if not (inputs.kept.sessions or inputs.kept.rounds or inputs.kept.counters):
        return []
    branch = inputs.branch
    taken = kept_people(inputs)
    cash, venues = kept_cash(inputs), kept_venues(inputs)
    worst = {Lack.OFFICERS: 0, Lack.LEADERS: 0, Lack.VAULT: 0, Lack.ESCORTS: 0}
    for day in inputs.open_days:
        halves = HALVES[: inputs.window.halves(day)]
        own_leaders = inputs.on_duty(day, leaders=True)
        own = own_leaders + inputs.on_duty(day, leaders=False)
        people = max(taken[day, half].people for half in halves)
        work = sum(taken[day, half].people for half in halves) + taken[day, Span.DAY].people
        worst[Lack.OFFICERS] = max(worst[Lack.OFFICERS], people - own, -(-work // len(halves)) - own)
        leaders = max(taken[day, half].leaders for half in halves)
        worst[Lack.LEADERS] = max(worst[Lack.LEADERS], leaders - own_leaders)
        worst[Lack.VAULT] = max(worst[Lack.VAULT], cash[day] - branch.vault_rp)
        worst[Lack.ESCORTS] = max(worst[Lack.ESCORTS], venues[day, 0] - branch.escorts)
    return [Shortfall(lack, amount) for lack, amount in worst.items() if amount > 0]
