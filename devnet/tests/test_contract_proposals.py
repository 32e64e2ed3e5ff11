"""Proposals: the projects of every epoch and their CID."""

from octant_devnet import contracts, travel
from octant_devnet.chain import Chain
from octant_devnet.chainkit import STRANGER, UNAUTHORIZED, ZERO, decoded, do, new_contract, reverts
from octant_devnet.deploy import PROPOSALS_CID, Deployment
from octant_devnet.people import project_addresses

EPOCHS_SET = "0x033bf778932c7071984f1a2b7fc52abfbd7a4efedfcb983e50cf2ee4d35c276d"
TYPES = ["string", "address[]", "address"]
A, B, C = ("0x" + digit * 40 for digit in "abc")
ONLY_FUTURE = "HN:Proposals/only-future-proposals-changing-is-allowed"
INVALID = "HN:Proposals/invalid-proposal"


def test_proposal_addresses__deployed__are_inherited_by_every_epoch(
    chain: Chain, deployment: Deployment
) -> None:
    expected = [address.lower() for address in project_addresses(30, "tests")]
    for epoch in (0, 1, 7):
        assert contracts.proposal_addresses(chain, deployment.proposals, epoch) == expected
    assert contracts.cid(chain, deployment.proposals) == PROPOSALS_CID


def test_set_proposal_addresses__lists_in_some_epochs__newest_not_empty_wins(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    proposals = new_contract(chain, "Proposals", TYPES, "cid", [A], deployment.auth)
    for epoch, addresses in ((1, [C, A]), (2, [B, A, B]), (3, []), (5, [C])):
        receipt = chain.send(
            multisig, proposals, contracts.set_proposal_addresses(epoch, addresses)
        )
        assert receipt.logs == ()
    seen = [contracts.proposal_addresses(chain, proposals, epoch) for epoch in range(7)]
    assert seen == [[A], [C, A], [B, A, B], [B, A, B], [B, A, B], [C], [C]]


def test_set_proposal_addresses__shorter_list__replaces_the_longer_one(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    proposals = deployment.proposals
    chain.send(multisig, proposals, contracts.set_proposal_addresses(2, [A, B, C]))
    chain.send(multisig, proposals, contracts.set_proposal_addresses(2, [C]))
    assert contracts.proposal_addresses(chain, proposals, 2) == [C]


def test_set_proposal_addresses__several_faults__are_checked_in_order(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    travel.to_next_epoch(chain, deployment)
    with reverts(UNAUTHORIZED):
        chain.send(STRANGER, deployment.proposals, contracts.set_proposal_addresses(1, [ZERO]))
    with reverts(ONLY_FUTURE):
        chain.send(multisig, deployment.proposals, contracts.set_proposal_addresses(1, [ZERO]))
    with reverts(INVALID):
        chain.send(multisig, deployment.proposals, contracts.set_proposal_addresses(2, [A, ZERO]))


def test_set_proposal_addresses__epochs_not_set__any_epoch_is_allowed(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    proposals = new_contract(chain, "Proposals", TYPES, "cid", [A], deployment.auth)
    assert chain.call(proposals, "epochs()(address)") == (ZERO,)
    chain.send(multisig, proposals, contracts.set_proposal_addresses(0, [B]))
    assert contracts.proposal_addresses(chain, proposals, 0) == [B]


def test_set_proposal_addresses__epochs_not_started__reverts(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    types = ["uint256", "uint256", "uint256", "address"]
    later = chain.now() + 10_000
    epochs = new_contract(chain, "Epochs", types, later, 10, 10, deployment.auth)
    proposals = new_contract(chain, "Proposals", TYPES, "cid", [A], deployment.auth)
    chain.send(multisig, proposals, contracts.set_epochs(epochs))
    with reverts("HN:Epochs/not-started-yet"):
        chain.send(multisig, proposals, contracts.set_proposal_addresses(5, [B]))


def test_set_epochs__first_and_second_time__announced_then_refused(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    proposals = new_contract(chain, "Proposals", TYPES, "cid", [A], deployment.auth)
    with reverts(UNAUTHORIZED):
        chain.send(STRANGER, proposals, contracts.set_epochs(deployment.epochs))
    receipt = chain.send(multisig, proposals, contracts.set_epochs(deployment.epochs))
    (log,) = receipt.logs
    assert log.topics == (EPOCHS_SET,)
    assert decoded(log, "address") == (deployment.epochs.lower(),)
    with reverts("HN:Proposals/cannot-set-epochs-twice"):
        chain.send(multisig, proposals, contracts.set_epochs(deployment.epochs))


def test_set_cid__multisig_only__replaces_it_without_an_event(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    with reverts(UNAUTHORIZED):
        do(chain, STRANGER, deployment.proposals, "setCID(string)", "x")
    receipt = chain.send(multisig, deployment.proposals, contracts.set_cid("bafy" * 20))
    assert receipt.logs == ()
    assert contracts.cid(chain, deployment.proposals) == "bafy" * 20


def test_constructor__zero_addresses__revert(chain: Chain, deployment: Deployment) -> None:
    with reverts(INVALID):
        new_contract(chain, "Proposals", TYPES, "cid", [A, ZERO], deployment.auth)
    with reverts("HN:Common/invalid-argument"):
        new_contract(chain, "Proposals", TYPES, "cid", [A], ZERO)
