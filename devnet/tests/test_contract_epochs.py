"""Epochs: the calendar, second by second."""

import pytest
from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, STRANGER, UNAUTHORIZED, ZERO, new_contract, reverts
from octant_devnet.contracts import EpochProps
from octant_devnet.deploy import Deployment

START = GENESIS + 1000
NOT_STARTED = "HN:Epochs/not-started-yet"
NOT_FINALIZED = "HN:Epochs/not-finalized"
NOT_PENDING = "HN:Epochs/not-pending"


def new_epochs(
    chain: Chain, deployment: Deployment, duration: int = 5000, window: int = 2000
) -> str:
    types = ["uint256", "uint256", "uint256", "address"]
    return new_contract(chain, "Epochs", types, START, duration, window, deployment.auth)


def at(chain: Chain, offset: int) -> None:
    chain.travel_to(START + offset)


def state(chain: Chain, epochs: str) -> str:
    """`epoch o/c @end`, the notation of the specification."""
    epoch = contracts.current_epoch(chain, epochs)
    window = "o" if contracts.decision_window_open(chain, epochs) else "c"
    return f"{epoch}{window}@{contracts.current_epoch_end(chain, epochs) - START}"


@pytest.mark.parametrize(
    ("offset", "epoch"),
    [(0, 1), (100, 1), (4900, 1), (4999, 1), (5000, 2), (5100, 2), (9900, 2), (10100, 3)],
)
def test_current_epoch__offset_from_start__counts_from_one(
    chain: Chain, deployment: Deployment, offset: int, epoch: int
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    assert contracts.current_epoch(chain, epochs) == epoch
    assert contracts.current_epoch_end(chain, epochs) == START + 5000 * epoch


@pytest.mark.parametrize(
    ("offset", "is_open"),
    [
        *((0, False), (100, False), (4999, False)),
        *((5000, True), (5100, True), (7000, True), (7001, False), (7100, False)),
        *((9999, False), (10000, True), (10100, True), (11900, True), (12000, True)),
        *((12001, False), (12100, False)),
    ],
)
def test_decision_window__offset_from_start__has_an_inclusive_end(
    chain: Chain, deployment: Deployment, offset: int, is_open: bool
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    assert contracts.decision_window_open(chain, epochs) is is_open


@pytest.mark.parametrize(
    ("offset", "finalized"),
    [(7001, 1), (7100, 1), (11900, 1), (12100, 2), (16900, 2), (17000, 2), (17100, 3)],
)
def test_finalized_epoch__offset_from_start__follows_the_window(
    chain: Chain, deployment: Deployment, offset: int, finalized: int
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    assert contracts.finalized_epoch(chain, epochs) == finalized


@pytest.mark.parametrize("offset", [0, 4900, 5000, 6900, 7000])
def test_finalized_epoch__nothing_finalized__reverts(
    chain: Chain, deployment: Deployment, offset: int
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    with reverts(NOT_FINALIZED):
        contracts.finalized_epoch(chain, epochs)


@pytest.mark.parametrize(("offset", "pending"), [(5000, 1), (6900, 1), (7000, 1), (11900, 2)])
def test_pending_epoch__window_open__is_the_previous_epoch(
    chain: Chain, deployment: Deployment, offset: int, pending: int
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    assert contracts.pending_epoch(chain, epochs) == pending


@pytest.mark.parametrize("offset", [0, 4900, 7001, 7100, 12100])
def test_pending_epoch__window_closed__reverts(
    chain: Chain, deployment: Deployment, offset: int
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, offset)
    with reverts(NOT_PENDING):
        contracts.pending_epoch(chain, epochs)


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        ("getCurrentEpoch()(uint256)", NOT_STARTED),
        ("getPendingEpoch()(uint256)", NOT_STARTED),
        ("getFinalizedEpoch()(uint256)", NOT_STARTED),
        ("isDecisionWindowOpen()(bool)", NOT_STARTED),
        ("getCurrentEpochEnd()(uint256)", NOT_STARTED),
        ("getCurrentEpochProps()((uint32,uint32,uint64,uint64,uint64))", "panic 0x11"),
        ("getEpochDuration()(uint256)", "panic 0x11"),
        ("getDecisionWindow()(uint256)", "panic 0x11"),
    ],
)
def test_reads__before_start__revert(
    chain: Chain, deployment: Deployment, signature: str, code: str
) -> None:
    epochs = new_epochs(chain, deployment)
    assert chain.call(epochs, "isStarted()(bool)") == (False,)
    with reverts(code):
        chain.call(epochs, signature)


def test_is_started__first_second__is_true(chain: Chain, deployment: Deployment) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, 0)
    assert chain.call(epochs, "isStarted()(bool)") == (True,)
    assert chain.call(epochs, "start()(uint256)") == (START,)


def test_set_epoch_props__twice_over_five_epochs__follows_the_scenario(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    epochs = new_epochs(chain, deployment)
    seen = []

    def look(*offsets: int) -> None:
        for offset in offsets:
            at(chain, offset)
            seen.append(f"{offset}:{state(chain, epochs)}")

    at(chain, 100)
    chain.send(multisig, epochs, contracts.set_epoch_props(3000, 1000))
    look(4900, 5100, 6100, 8100)
    chain.send(multisig, epochs, contracts.set_epoch_props(10000, 6000))
    look(8900, 9100, 11100, 16900, 17100, 21100)
    assert seen == [
        *("4900:1c@5000", "5100:2o@8000", "6100:2c@8000", "8100:3o@11000"),
        *("8900:3o@11000", "9100:3c@11000", "11100:4o@21000", "16900:4o@21000"),
        *("17100:4c@21000", "21100:5o@31000"),
    ]


def test_set_epoch_props__twice_in_one_epoch__last_call_wins(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, 100)
    chain.send(multisig, epochs, contracts.set_epoch_props(20000, 5000))
    chain.send(multisig, epochs, contracts.set_epoch_props(12000, 6000))
    assert contracts.epoch_props_index(chain, epochs) == 1
    assert contracts.epoch_props(chain, epochs, 0) == EpochProps(1, 1, START, 5000, 2000)
    assert contracts.epoch_props(chain, epochs, 1) == EpochProps(2, 0, START + 5000, 12000, 6000)
    assert contracts.current_epoch_props(chain, epochs) == EpochProps(1, 1, START, 5000, 2000)
    seen = []
    for offset in (5100, 11100, 17100):
        at(chain, offset)
        seen.append(state(chain, epochs))
    assert seen == ["2o@17000", "2c@17000", "3o@29000"]


def test_set_epoch_props__later_epoch__closes_the_entry_with_the_current_epoch(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    epochs = new_epochs(chain, deployment)
    at(chain, 12000)
    receipt = chain.send(multisig, epochs, contracts.set_epoch_props(700, 700))
    assert receipt.logs == ()
    assert contracts.epoch_props(chain, epochs, 0) == EpochProps(1, 3, START, 5000, 2000)
    assert contracts.epoch_props(chain, epochs, 1) == EpochProps(4, 0, START + 15000, 700, 700)
    assert state(chain, epochs) == "3c@15000"
    assert chain.call(epochs, "getEpochDuration()(uint256)") == (5000,)
    at(chain, 15000)
    assert state(chain, epochs) == "4o@15700"
    assert chain.call(epochs, "getEpochDuration()(uint256)") == (700,)
    assert chain.call(epochs, "getDecisionWindow()(uint256)") == (700,)


def test_set_epoch_props__several_faults__are_checked_in_order(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    epochs = new_epochs(chain, deployment)
    with reverts(UNAUTHORIZED):
        chain.send(STRANGER, epochs, contracts.set_epoch_props(10, 11))
    with reverts("HN:Epochs/decision-window-bigger-than-duration"):
        chain.send(multisig, epochs, contracts.set_epoch_props(10, 11))
    with reverts("panic 0x11"):
        chain.send(multisig, epochs, contracts.set_epoch_props(10, 10))


def test_window__as_long_as_the_epoch__never_closes_from_epoch_two(
    chain: Chain, deployment: Deployment
) -> None:
    epochs = new_epochs(chain, deployment, 600, 600)
    seen = []
    for offset in (0, 599, 600, 1199, 1200, 1799):
        at(chain, offset)
        seen.append(contracts.decision_window_open(chain, epochs))
    assert seen == [False, False, True, True, True, True]


def test_constructor__odd_values__are_accepted(chain: Chain, deployment: Deployment) -> None:
    window_too_long = new_epochs(chain, deployment, 10, 20)
    cut_to_64_bits = new_epochs(chain, deployment, 2**64 + 7, 2**64 + 3)
    no_duration = new_epochs(chain, deployment, 0, 0)
    assert contracts.epoch_props(chain, window_too_long, 0) == EpochProps(1, 0, START, 10, 20)
    assert contracts.epoch_props(chain, cut_to_64_bits, 0) == EpochProps(1, 0, START, 7, 3)
    at(chain, 1)
    with reverts("panic 0x12"):
        contracts.current_epoch(chain, no_duration)


def test_constructor__zero_auth__reverts(chain: Chain) -> None:
    with reverts("HN:Common/invalid-argument"):
        new_contract(
            chain, "Epochs", ["uint256", "uint256", "uint256", "address"], START, 10, 10, ZERO
        )
