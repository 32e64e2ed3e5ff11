"""The parts of a finalization against the naive ones: claims, patrons, leftover, leaves."""

import naive_octant as naive
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.address import eip55
from octant_protocol.finalization import PatronEvent, patrons_at, unused_budgets
from octant_protocol.rules import rules_for
from octant_protocol.settlement import (
    claimed_rewards,
    donated_to_projects,
    leftover,
    reward_leaves,
    unspent,
    unused_matched_rewards,
)

# Their checksummed texts are not in the order of their bytes.
ADDRESSES = [bytes([number]) * 20 for number in range(0x9D, 0xA9)]
USERS = ADDRESSES[:8]
epochs = st.integers(1, 13)
wei = st.one_of(st.integers(0, 10**22), st.integers(0, 3))


@given(
    events=st.lists(
        st.tuples(st.sampled_from(USERS), st.booleans(), st.integers(0, 6)), max_size=12
    ),
    instant=st.integers(0, 6),
    order=st.randoms(use_true_random=False),
)
def test_patrons_at__events_in_any_order__the_newest_decides(
    events: list[tuple[bytes, bool, int]], instant: int, order
) -> None:
    order.shuffle(events)

    assert patrons_at([PatronEvent(*event) for event in events], instant) == {
        user
        for user in USERS
        if naive.is_patron([(at, on) for who, on, at in events if who == user], instant)
    }


@given(
    budgets=st.dictionaries(st.sampled_from(USERS), wei),
    donors=st.sets(st.sampled_from(USERS)),
    patrons=st.sets(st.sampled_from(USERS)),
)
def test_unused_budgets__anybody__are_of_those_who_did_nothing(
    budgets: dict[bytes, int], donors: set[bytes], patrons: set[bytes]
) -> None:
    idle = [user for user in USERS if user in budgets and user not in donors | patrons]

    assert unused_budgets(budgets, donors, patrons) == [
        (user, budgets[user]) for user in sorted(idle, key=eip55)
    ]


@given(
    epoch=epochs,
    amounts=st.lists(st.one_of(wei, st.integers(0, 10**25)), min_size=7, max_size=7),
    without=st.booleans(),
)
def test_leftover__any_amounts__equals_the_naive_one_and_is_read_back(
    epoch: int, amounts: list[int], without: bool
) -> None:
    names = ("proceeds", "cost", "fund", "ppf", "withdrawals", "matched", "used")
    row: dict[str, int | None] = dict(zip(names, amounts, strict=True))
    if without:
        row |= {"fund": None, "ppf": None}
    rules = rules_for(epoch)
    common = {
        "proceeds": row["proceeds"],
        "operational_cost": row["cost"],
        "community_fund": row["fund"],
        "ppf": row["ppf"],
        "total_withdrawals": row["withdrawals"],
        "rules": rules,
    }

    rest = leftover(**common, matched=row["matched"], used=row["used"])

    assert rest == naive.leftover(epoch, row)
    unused = row["matched"] - row["used"] if epoch >= 4 else 0
    assert unused_matched_rewards(**common, leftover=rest) == unused
    assert unspent(**common) == rest - unused


@given(epoch=epochs, matched=wei, unused=wei, sums=st.lists(wei, max_size=6))
def test_donated_to_projects__any_epoch__is_match_less_unused_and_donations_above(
    epoch: int, matched: int, unused: int, sums: list[int]
) -> None:
    threshold = naive.threshold(epoch, sum(sums), len(sums)) or 0

    got = donated_to_projects(
        matched=matched, unused=unused, allocated_per_project=sums, rules=rules_for(epoch)
    )

    assert got == matched - unused + sum(amount for amount in sums if amount >= threshold)


@given(budget=wei, allocated=wei)
def test_claimed_rewards__any_budget__is_what_was_not_given(budget: int, allocated: int) -> None:
    claimed = claimed_rewards(budget, allocated)

    assert claimed + min(budget, allocated) == budget


pairs = st.lists(st.tuples(st.sampled_from(ADDRESSES), wei), max_size=8)


@given(claims=pairs, rewards=pairs)
def test_reward_leaves__any_rewards__has_one_leaf_per_address_and_every_wei(
    claims: list[tuple[bytes, int]], rewards: list[tuple[bytes, int]]
) -> None:
    leaves = reward_leaves(claims, rewards)

    both = claims + rewards
    addresses = [address for address, _ in leaves]
    assert addresses == sorted({address for address, _ in both}, key=eip55)
    assert leaves == [(a, sum(amount for b, amount in both if a == b)) for a in addresses]
