"""The contract calls that tools and tests use: calldata for writes, typed answers for reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from octant_devnet.abi import encode_call
from octant_devnet.chain import Chain


@dataclass(frozen=True, slots=True)
class EpochProps:
    """An entry of the calendar; `to_epoch` is 0 while it is open ended."""

    from_epoch: int
    to_epoch: int
    from_ts: int
    duration: int
    decision_window: int


@dataclass(frozen=True, slots=True)
class WithdrawPayload:
    epoch: int
    amount: int
    proof: Sequence[bytes]


# Writes: calldata.


def approve(spender: str, amount: int) -> bytes:
    return encode_call("approve(address,uint256)", [spender, amount])


def transfer(to: str, amount: int) -> bytes:
    return encode_call("transfer(address,uint256)", [to, amount])


def lock(amount: int) -> bytes:
    return encode_call("lock(uint256)", [amount])


def unlock(amount: int) -> bytes:
    return encode_call("unlock(uint256)", [amount])


def batch_withdraw(payloads: Sequence[WithdrawPayload]) -> bytes:
    rows = [(p.epoch, p.amount, list(p.proof)) for p in payloads]
    return encode_call("batchWithdraw((uint256,uint256,bytes32[])[])", [rows])


def emergency_withdraw(amount: int) -> bytes:
    return encode_call("emergencyWithdraw(uint256)", [amount])


def set_merkle_root(epoch: int, root: bytes) -> bytes:
    return encode_call("setMerkleRoot(uint256,bytes32)", [epoch, root])


def set_epoch_props(duration: int, decision_window: int) -> bytes:
    return encode_call("setEpochProps(uint256,uint256)", [duration, decision_window])


def set_proposal_addresses(epoch: int, addresses: Sequence[str]) -> bytes:
    return encode_call("setProposalAddresses(uint256,address[])", [epoch, list(addresses)])


def set_cid(cid: str) -> bytes:
    return encode_call("setCID(string)", [cid])


def set_epochs(epochs: str) -> bytes:
    return encode_call("setEpochs(address)", [epochs])


# Reads: the first argument after the chain is the contract's address.


def current_epoch(chain: Chain, epochs: str) -> int:
    return _int(chain, epochs, "getCurrentEpoch()(uint256)")


def current_epoch_end(chain: Chain, epochs: str) -> int:
    return _int(chain, epochs, "getCurrentEpochEnd()(uint256)")


def pending_epoch(chain: Chain, epochs: str) -> int:
    return _int(chain, epochs, "getPendingEpoch()(uint256)")


def finalized_epoch(chain: Chain, epochs: str) -> int:
    return _int(chain, epochs, "getFinalizedEpoch()(uint256)")


def decision_window_open(chain: Chain, epochs: str) -> bool:
    return bool(chain.call(epochs, "isDecisionWindowOpen()(bool)")[0])


def epoch_props_index(chain: Chain, epochs: str) -> int:
    return _int(chain, epochs, "epochPropsIndex()(uint256)")


def epoch_props(chain: Chain, epochs: str, index: int) -> EpochProps:
    signature = "epochProps(uint256)(uint32,uint32,uint64,uint64,uint64)"
    return EpochProps(*chain.call(epochs, signature, [index]))


def current_epoch_props(chain: Chain, epochs: str) -> EpochProps:
    signature = "getCurrentEpochProps()((uint32,uint32,uint64,uint64,uint64))"
    return EpochProps(*chain.call(epochs, signature)[0])


def proposal_addresses(chain: Chain, proposals: str, epoch: int) -> list[str]:
    """Lower-case addresses, in the contract's order."""
    return list(chain.call(proposals, "getProposalAddresses(uint256)(address[])", [epoch])[0])


def cid(chain: Chain, proposals: str) -> str:
    return str(chain.call(proposals, "cid()(string)")[0])


def merkle_root(chain: Chain, vault: str, epoch: int) -> bytes:
    """32 zero bytes while unset."""
    return bytes(chain.call(vault, "merkleRoots(uint256)(bytes32)", [epoch])[0])


def last_claimed_epoch(chain: Chain, vault: str, user: str) -> int:
    return _int(chain, vault, "lastClaimedEpoch(address)(uint256)", user)


def deposit_of(chain: Chain, deposits: str, user: str) -> int:
    return _int(chain, deposits, "deposits(address)(uint256)", user)


def balance_of(chain: Chain, token: str, owner: str) -> int:
    return _int(chain, token, "balanceOf(address)(uint256)", owner)


def _int(chain: Chain, to: str, signature: str, *args: str) -> int:
    return int(chain.call(to, signature, args)[0])
