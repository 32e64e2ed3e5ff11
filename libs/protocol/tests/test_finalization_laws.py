"""Finalization as a whole: the documented invariants, and an independent settlement."""

from decimal import Decimal

import naive_octant as naive
import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.address import eip55
from octant_protocol.finalization import Finalization, PendingAmounts, finalize
from octant_protocol.funding import AllocationRow, FundingSums, ProjectResult
from octant_protocol.live_funding import LiveFunding
from octant_protocol.merkle import build_tree, leaf_hash, verify_proof
from octant_protocol.proceeds import split_proceeds, user_budget
from octant_protocol.rules import rules_for
from octant_protocol.settlement import donated_to_projects, unused_matched_rewards

# Their checksummed texts are not in the order of their bytes.
ADDRESSES = [bytes([number]) * 20 for number in range(0x9D, 0xA9)]
USERS, PROJECTS = ADDRESSES[:8], ADDRESSES[6:]  # two of them are both
epochs = st.integers(1, 13)
live_epochs = st.integers(3, 13)
wei = st.one_of(st.integers(0, 10**22), st.integers(0, 3))
gifts = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(PROJECTS),
        wei,
        st.sampled_from(["0.0", "0.01", "1.0"]),
    ),
    max_size=15,
)
world = st.fixed_dictionaries(
    {
        "proceeds": st.integers(0, 10**22),
        "deposits": st.lists(st.integers(0, 8 * 10**25), min_size=8, max_size=8),
        "gifts": gifts,
        "patrons": st.sets(st.sampled_from([*USERS, bytes(20)]), max_size=3),
    }
)


def rows_of(gifts: list[tuple[bytes, bytes, int, str]]) -> list[AllocationRow]:
    return [AllocationRow(p, amount, Decimal(uq), user) for user, p, amount, uq in gifts]


def settle(epoch: int, world: dict) -> tuple[Finalization, PendingAmounts, dict[bytes, int]]:
    rules = rules_for(epoch)
    total = sum(world["deposits"])
    split = split_proceeds(world["proceeds"], total, rules)
    budgets = {
        user: user_budget(held, total, split.vanilla_individual_rewards, split.ppf, rules)
        for user, held in zip(USERS, world["deposits"], strict=True)
        if held
    }
    pending = PendingAmounts(
        proceeds=world["proceeds"],
        locked_ratio=split.locked_ratio,
        operational_cost=split.operational_cost,
        ppf=split.ppf,
        community_fund=split.community_fund,
        total_rewards=split.total_rewards,
        vanilla_individual_rewards=split.vanilla_individual_rewards,
    )
    result = finalize(
        pending=pending,
        budgets=budgets,
        patrons=world["patrons"],
        rows=rows_of(world["gifts"]),
        projects=PROJECTS,
        rules=rules,
    )
    return result, pending, budgets


@given(epoch=epochs, world=world)
def test_finalize__any_epoch__equals_an_independent_settlement(epoch: int, world: dict) -> None:
    result, pending, budgets = settle(epoch, world)

    patrons = sum(amount for user, amount in budgets.items() if user in world["patrons"])
    assert result.patrons_rewards == patrons
    if epoch <= 2:
        pool = (pending.total_rewards - pending.vanilla_individual_rewards + patrons, 0)
    else:
        pool = naive.matched(epoch, pending.proceeds, pending.locked_ratio, patrons)
    assert (result.matched.matched, result.matched.reserved_for_v2) == pool

    weighted = [(p, amount, Decimal(uq)) for _, p, amount, uq in world["gifts"]]
    listed, donated, whole = naive.funding(weighted, PROJECTS, pool[0])
    assert [(p.allocated, p.matched) for p in result.funding.projects] == listed

    claims = {}
    for user in USERS:
        own = [amount for donor, _, amount, _ in world["gifts"] if donor == user]
        if own and budgets.get(user, 0) > sum(own):
            claims[user] = budgets[user] - sum(own)
    assert result.claims == claims
    withdrawals = sum(claims.values()) + int(donated + whole)
    assert result.total_withdrawals == withdrawals
    assert result.leftover == naive.leftover(
        epoch,
        {
            "proceeds": pending.proceeds,
            "cost": pending.operational_cost,
            "fund": pending.community_fund,
            "ppf": pending.ppf,
            "withdrawals": withdrawals,
            "matched": pool[0],
            "used": int(whole),
        },
    )

    paid: dict[bytes, int] = dict(claims)
    for project, (allocated, matched) in zip(PROJECTS, listed, strict=True):
        if allocated:
            paid[project] = paid.get(project, 0) + allocated + matched
    assert result.leaves == sorted(paid.items(), key=lambda leaf: eip55(leaf[0]))
    assert result.rewarded == tuple(p for p in result.funding.projects if p.allocated)


@given(epoch=live_epochs, world=world)
def test_finalize__any_epoch__holds_the_documented_invariants(epoch: int, world: dict) -> None:
    result, pending, budgets = settle(epoch, world)

    pool, funding = result.matched.matched, result.funding
    matches = sum(p.matched for p in funding.projects)
    funded = max(sum(1 for p in funding.projects if p.allocated), 1)
    # 1: nothing is handed out twice, nobody gets more than a fifth.
    assert matches <= funding.used <= pool
    assert funding.used - matches < funded
    assert all(5 * p.matched <= pool for p in funding.projects)
    # 2: donations reach the projects whole.
    assert sum(p.allocated for p in result.rewarded) == sum(row[2] for row in world["gifts"])
    # 3 and 4: the split accounts for the proceeds.
    individual = pending.vanilla_individual_rewards + pending.ppf
    rest = pool + pending.community_fund + pending.operational_cost
    if epoch >= 11:
        assert pool == result.patrons_rewards
    elif pending.locked_ratio < Decimal("0.35"):
        assert abs(pending.total_rewards - individual + result.patrons_rewards - pool) <= 1
    if pending.locked_ratio < Decimal("0.35"):
        parts = individual - result.patrons_rewards + rest + result.matched.reserved_for_v2
        assert abs(parts - pending.proceeds) <= 100
    # 5: everybody's budgets are the individual pool.
    if budgets:
        shared = sum(budgets.values())
        assert abs(shared - (pending.vanilla_individual_rewards + pending.ppf // 2)) <= 500
    # 6: the vault pays what the tree says, up to dust.
    assert 0 <= result.total_withdrawals - sum(amount for _, amount in result.leaves) < funded
    # 7: the tree proves every leaf.
    if result.leaves:
        assert result.tree == build_tree(result.leaves)
        for number, leaf in enumerate(result.leaves):
            assert verify_proof(result.tree.root, leaf_hash(*leaf), result.tree.proof(number))
    else:
        assert result.tree is None


@given(epoch=live_epochs, world=world)
def test_finalize__no_allocation_since_the_estimate__is_the_estimate(
    epoch: int, world: dict
) -> None:
    """Sums kept while gifts come in, and a preview, give what is settled after the window."""
    estimate, pending, budgets = settle(epoch, world)
    live = LiveFunding()
    for user in USERS:
        own = [place for place, gift in enumerate(world["gifts"]) if gift[0] == user]
        # Everybody gave something else before, and replaced it.
        live.add(user, -1, [(PROJECTS[0], 7)] * bool(own), Decimal(1))
        live.remove(user)
    for place, (user, project, amount, uq) in enumerate(world["gifts"]):
        live.add(bytes([place]) + user, place, [(project, amount)], Decimal(uq))

    final = finalize(
        pending=pending,
        budgets=dict(reversed(budgets.items())),
        patrons=sorted(world["patrons"]) * 2,
        rows=rows_of(world["gifts"]),
        projects=PROJECTS,
        rules=rules_for(epoch),
    )

    assert final == estimate
    kept = FundingSums(sums=live.sums())
    assert kept.result(PROJECTS, final.matched.matched, rules_for(epoch)) == final.funding


@given(epoch=live_epochs, world=world, order=st.randoms(use_true_random=False))
def test_finalize__donors_in_another_order__moves_only_dust(epoch: int, world: dict, order) -> None:
    result, _, _ = settle(epoch, world)
    shuffled = list(world["gifts"])
    order.shuffle(shuffled)

    other, _, _ = settle(epoch, world | {"gifts": shuffled})

    assert (other.claims, other.matched) == (result.claims, result.matched)
    assert [p.allocated for p in other.funding.projects] == [
        p.allocated for p in result.funding.projects
    ]
    for one, two in zip(result.funding.projects, other.funding.projects, strict=True):
        assert abs(one.matched - two.matched) <= 1
    # The leftover counts what is unmatched twice.
    assert abs(other.leftover - result.leftover) <= 2


@given(epoch=st.integers(4, 13), world=world)
def test_statistics__finalized_epoch__give_back_what_projects_received(
    epoch: int, world: dict
) -> None:
    result, pending, _ = settle(epoch, world)
    rules = rules_for(epoch)
    unused = unused_matched_rewards(
        leftover=result.leftover,
        proceeds=pending.proceeds,
        operational_cost=pending.operational_cost,
        community_fund=pending.community_fund,
        ppf=pending.ppf,
        total_withdrawals=result.total_withdrawals,
        rules=rules,
    )

    donated = donated_to_projects(
        matched=result.matched.matched,
        unused=unused,
        allocated_per_project=[p.allocated for p in result.rewarded],
        rules=rules,
    )

    assert unused == result.matched.matched - result.funding.used
    assert donated == result.funding.donated


def test_finalize__one_wei_for_a_project__is_rewarded() -> None:
    gifts = [(USERS[0], PROJECTS[3], 1, "0.0"), (USERS[1], PROJECTS[4], 0, "1.0")]
    result = finalize(
        pending=PendingAmounts(
            proceeds=0, locked_ratio=Decimal(0), operational_cost=0, ppf=None, community_fund=None
        ),
        budgets={},
        patrons=[],
        rows=rows_of(gifts),
        projects=PROJECTS,
        rules=rules_for(4),
    )

    assert result.rewarded == (ProjectResult(PROJECTS[3], 1, 0),)
    assert result.claims == {}


def test_finalize__first_epochs_without_totals__are_refused() -> None:
    pending = PendingAmounts(
        proceeds=0, locked_ratio=Decimal(0), operational_cost=0, ppf=None, community_fund=None
    )
    with pytest.raises(ValueError, match="epoch-1 needs the total and individual rewards"):
        finalize(
            pending=pending, budgets={}, patrons=[], rows=[], projects=PROJECTS, rules=rules_for(1)
        )
