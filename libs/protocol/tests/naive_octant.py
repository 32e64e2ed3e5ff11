"""The rules written a second time: from their description, one by one, as slow as they like.

Only Python's own numbers are used, under its default decimal context: 28 digits, half to even.
"""

import hashlib
import math
from decimal import Decimal

GLM = 10**18


def split(epoch: int, proceeds: int, deposits: int) -> dict[str, int | None]:
    """Cost, total, individual part, equilibrium, promotion fund and community fund."""
    ratio = Decimal(deposits) / Decimal(10**27)
    ppf, fund, equilibrium = None, None, None
    cost = int(proceeds * Decimal("0.20" if epoch == 1 else "0.25"))
    if epoch == 1:
        total = proceeds - cost
        individual = int(ratio.sqrt() * total)
    elif epoch == 2:
        total = int(proceeds * ratio.sqrt())
        individual = int(proceeds * ratio)
    else:
        total = int(Decimal("0.7") * proceeds)
        individual = int(proceeds * ratio)
        equilibrium = int(Decimal("0.35") * proceeds)
        ppf = equilibrium - individual if ratio < Decimal("0.35") else 0
        fund = int(Decimal("0.05") * proceeds)
    return {
        "operational_cost": cost,
        "total_rewards": total,
        "vanilla_individual_rewards": individual,
        "individual_rewards_equilibrium": equilibrium,
        "ppf": ppf,
        "community_fund": fund,
    }


def budget(epoch: int, deposit: int, deposits: int, individual: int, ppf: int | None) -> int:
    """What one user may give away."""
    if deposits == 0:
        return 0
    share = Decimal(deposit) / Decimal(deposits)
    if epoch <= 2:
        return int(individual * share)
    return int(share * (individual + Decimal("0.5") * (ppf or 0)))


def matched(epoch: int, proceeds: int, ratio: Decimal, patrons: int) -> tuple[int, int] | None:
    """Matched pool and reserve from epoch 3 on; None where the rules refuse."""
    if ratio < Decimal("0.35"):
        staking = Decimal("0.35") * proceeds
    elif ratio < Decimal("0.7"):
        staking = (Decimal("0.7") - ratio) * proceeds
    elif epoch >= 11 or ratio == Decimal("0.7"):
        return patrons, 0
    else:
        return None
    return (patrons, int(staking)) if epoch >= 11 else (int(staking + patrons), 0)


def grouped(
    rows: list[tuple[bytes, int, Decimal]],
) -> tuple[dict[bytes, Decimal], dict[bytes, Decimal]]:
    """Quadratic weight and donations of each project, in order of their first rows."""
    roots: dict[bytes, Decimal] = {}
    gifts: dict[bytes, Decimal] = {}
    for project, amount, uq in rows:
        root = Decimal(math.sqrt(float(uq * amount)))
        roots[project] = roots.get(project, Decimal(0)) + root
        gifts[project] = gifts.get(project, Decimal(0)) + amount
    return {project: root**2 for project, root in roots.items()}, gifts


def funding(
    rows: list[tuple[bytes, int, Decimal]],
    projects: list[bytes],
    pool: int,
    cap: Decimal = Decimal("0.2"),
) -> tuple[list[tuple[int, int]], Decimal, Decimal]:
    """(allocated, matched) of the listed projects, all donations and the whole match."""
    weights, gifts = grouped(rows)
    total, donated, whole = Decimal(0), Decimal(0), Decimal(0)
    for project in weights:
        total += weights[project]
        donated += gifts[project]
    matches = {}
    for project, weight in weights.items():
        matches[project] = min(weight / total * pool, pool * cap) if total else Decimal(0)
        whole += matches[project]
    listed = [(int(gifts.get(p, 0)), int(matches.get(p, 0))) for p in projects]
    return listed, donated, whole


def leverage(
    existing: list[tuple[bytes, bytes, int, Decimal]],
    user: bytes,
    new: list[tuple[bytes, int, Decimal]],
    projects: list[bytes],
    pool: int,
) -> float:
    """Matched wei that a user's new rows (instead of the old) move per wei."""
    others = [row[1:] for row in existing if row[0] != user]
    before = dict(zip(projects, funding(others, projects, pool)[0], strict=True))
    after = dict(zip(projects, funding(others + new, projects, pool)[0], strict=True))
    given = sum(amount for _, amount, _ in new)
    moved = Decimal(0)
    for project, _, _ in new:
        moved += abs(Decimal(before[project][1]) - Decimal(after[project][1]))
    return float(moved / given) if given else 0.0


def unify(opening: int, events: list[tuple[str, str, int, int]], grace: int) -> list[list[object]]:
    """[kind, source, time, amount, before, after] after the grace scan, without the opening.

    `events` are (kind, source, time, amount) in order.
    """
    line: list[list] = [["Locked", "Octant", None, 0, opening, opening]]
    balance = opening
    for kind, source, time, amount in events:
        after = balance + amount if kind == "Locked" else balance - amount
        line.append([kind, source, time, amount, balance, after])
        balance = after
    i = 0
    while i + 1 < len(line):
        cur, nxt = line[i], line[i + 1]
        left_a_stream = cur[0] == "Unlocked" and cur[1] == "Sablier"
        came_to_octant = nxt[0] == "Locked" and nxt[1] == "Octant"
        if left_a_stream and came_to_octant and nxt[2] - cur[2] < grace and cur[3] <= nxt[3]:
            if cur[3] == nxt[3]:
                del line[i : i + 2]
                continue
            more = nxt[3] - cur[3]
            nxt[3], nxt[4], nxt[5] = more, cur[4], cur[4] + more
            del line[i]
            continue
        i += 1
    return line[1:]


def effective(
    epoch: int, opening: int, moves: list[tuple[int, int]], start: int, end: int
) -> tuple[int, int]:
    """Effective deposit and end balance: what lay there in every single second.

    `moves` are (time, signed amount) in any order; those at `end` itself only move the end.
    """
    balances = [
        opening + sum(amount for time, amount in moves if time <= second)
        for second in range(start, end)
    ]
    locked = opening + sum(amount for _, amount in moves)
    if epoch > 1:  # what will be taken out before the end never counted
        balances = [min(balances[i:]) for i in range(len(balances))]
    average = int(Decimal(sum(balances)) / Decimal(end - start))
    kept = locked >= 100 * GLM and average >= 10 * GLM
    return (average if kept else 0), locked


def estimated_proceeds(seconds: int) -> int:
    """Wei from staking 100,000 ETH at 3.8 percent a year."""
    if seconds <= 0:
        return 0
    yearly = int(100_000 * 10**18 * 0.038)
    return int(yearly / 31_536_000 * seconds)


def threshold(epoch: int, total: int, projects: int) -> int | None:
    """What a project must exceed to be matched."""
    if epoch >= 4:
        return None
    divisor = projects * 2 if epoch in (1, 2) else projects
    return int(total / divisor) if divisor else 0


def by_threshold(
    epoch: int, rows: list[tuple[bytes, int]], projects: list[bytes], pool: int
) -> tuple[list[tuple[bytes, int, int]], int, int]:
    """(project, allocated, matched) by donations, their sum, the threshold: epochs 1 to 3."""
    sums = {project: sum(a for p, a in rows if p == project) for project in projects}
    limit = threshold(epoch, sum(sums.values()), len(projects))
    assert limit is not None
    above = sum(amount for amount in sums.values() if amount > limit)
    listed = []
    for project, amount in sums.items():
        match = int(Decimal(amount) / Decimal(above) * pool) if amount > limit else 0
        listed.append((project, amount, match))
    rewards = sum(amount + match for _, amount, match in listed if amount > limit)
    return sorted(listed, key=lambda item: -item[1]), rewards, limit


def is_patron(events: list[tuple[int, bool]], instant: int) -> bool:
    """Whether the newest of a user's (time, enabled) up to the instant enables."""
    times = [time for time, _ in events if time <= instant]
    return bool(times) and (max(times), True) in events


def leftover(epoch: int, row: dict[str, int | None]) -> int:
    """What stays of the proceeds, by the epoch's own rule."""
    rest = row["proceeds"] - row["cost"] - row["withdrawals"]
    if epoch >= 3:
        rest = rest - (row["fund"] or 0) - int((row["ppf"] or 0) / 2)
    return rest + row["matched"] - row["used"] if epoch >= 4 else rest


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
