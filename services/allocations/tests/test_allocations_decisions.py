"""Pure decisions: the order of checks, scores, signatures of any text."""

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_allocations.allocations.model import OpenWindow, Standing, decide, repeated_projects
from octant_allocations.allocations.reading import cursor_of, position_of
from octant_allocations.quotients.model import parse_score
from octant_allocations.signing import Verifier, digest_of_allocation
from octant_contracts.calls import CHECK_CONTRACT_SIGNATURE, Verdict
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei

from .world import CHAIN_ID, person, unsigned

ALICE = person(1)
P = [Address(bytes([n]) * 20) for n in range(1, 6)]
ORDER = (
    "AllocationWindowClosed",
    "EmptyAllocations",
    "WrongAllocationsNonce",
    "EpochNotIndexed",
    "NotAllowedInPatronMode",
    "BudgetNotFound",
    "RewardsBudgetExceeded",
    "ProjectAllocationToSelf",
    "InvalidProjects",
    "DuplicatedProjects",
    "InvalidSignature",
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


class Chain:
    """Stands for chain-sync: no wallet accepts anything."""

    async def ask(self, call, request, *, timeout):
        assert call is CHECK_CONTRACT_SIGNATURE
        return Verdict(valid=False)


def outcome(faults: set[str]) -> str | None:
    items = [(P[0], 5)]
    if "InvalidProjects" in faults:
        items.append((P[4], 0))
    if "DuplicatedProjects" in faults:
        items.append((P[0], 0))
    if "EmptyAllocations" in faults:
        items = []
    own = {ALICE.address} if "ProjectAllocationToSelf" in faults else set()
    standing = Standing(
        window=None if ORDER[0] in faults else OpenWindow(epoch=1, now=10),
        next_nonce=1 if "WrongAllocationsNonce" in faults else 0,
        epoch_indexed="EpochNotIndexed" not in faults,
        patron="NotAllowedInPatronMode" in faults,
        budget=None
        if "BudgetNotFound" in faults
        else Wei(4 if "RewardsBudgetExceeded" in faults else 5),
        projects=frozenset(P[:4]) | own,
        frozen_score=None,
        record=None,
    )
    try:
        decide(unsigned(ALICE.address, items, 0, "0x"), standing, "InvalidSignature" not in faults)
    except Refusal as refusal:
        return refusal.code
    return None


@given(st.sets(st.sampled_from(ORDER)))
def test_decision__on_any_set_of_faults__names_the_first(faults):
    expected = next((code for code in ORDER if code in faults), None)
    if faults >= {"NotAllowedInPatronMode", "BudgetNotFound"} and expected == (
        "NotAllowedInPatronMode"
    ):
        expected = "BudgetNotFound"  # who has no budget row is no patron of the epoch
    assert outcome(faults) == expected


@given(texts | st.text("0123456789abcdefABCDEFxX", min_size=125, max_size=135))
def test_verification__of_any_text__ends_in_no(signature):
    digest = digest_of_allocation(CHAIN_ID, unsigned(ALICE.address, [(P[0], 1)], 0, ""))
    verifier = Verifier(Chain(), 1.0)
    with asyncio.Runner() as runner:
        assert runner.run(verifier.verify(ALICE.address, digest, signature)) is False


@given(st.integers(-(2**300), 2**300), st.integers(0, 2**300))
def test_digest__of_any_numbers__exists_exactly_when_they_fit(amount, nonce):
    digest = digest_of_allocation(CHAIN_ID, unsigned(ALICE.address, [(P[0], amount)], nonce, ""))
    assert (digest is not None) == (0 <= amount < 2**256 and nonce < 2**256)


def test_repeated_projects__are_named_at_every_place():
    a, b, c = P[:3]
    assert repeated_projects([a, b, c, b, a]) == [a, b, b, a]
    assert repeated_projects([a, b, c]) == []


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [("1", "1.0"), ("0", "0.0"), ("1.000", "1.0"), ("0.50", "0.5"), ("0.01", "0.01")],
)
def test_score__in_any_plain_form__has_one_text(given_text, expected):
    assert str(parse_score(given_text)) == expected


@given(st.integers(0, 100), st.integers(0, 16))
def test_score__of_hundredths__keeps_its_value_unless_clients_cannot_show_it(units, zeros):
    """They compute `BigInt(parseFloat(score) * 100)`, which throws for what is not whole."""
    exact = Decimal(units).scaleb(-2)
    given_text = f"{exact:f}" + "0" * zeros
    if float(given_text) * 100 != round(float(given_text) * 100):
        with pytest.raises(ValueError, match="whole number"):
            parse_score(given_text)
    else:
        assert parse_score(given_text) == exact


@given(st.integers(0, 10**18).filter(lambda units: units % 10**16))
def test_score__of_more_decimals__is_refused(units):
    with pytest.raises(ValueError, match="score"):
        parse_score(f"{Decimal(units).scaleb(-18):f}")


@given(st.integers(0, 2**42), st.integers(0, 2**20 - 1))
def test_cursor__of_a_position__leads_back_to_it(sequence, place):
    assert position_of(cursor_of((sequence, place))) == (sequence, place)
