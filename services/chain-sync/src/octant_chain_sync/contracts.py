"""Calldata, results and logs of the contracts; decoded by hand where it is hot."""

from collections.abc import Callable, Sequence
from typing import Any

from eth_abi.abi import decode, encode
from octant_contracts.events import Locked, MerkleRootSet, Unlocked, Withdrawn
from octant_contracts.values import Address, BlockRef, Hex, Wei
from octant_protocol.calendar import EpochProps
from octant_protocol.signatures import word

from octant_chain_sync.rpc import Request, UnexpectedAnswer

Fact = Locked | Unlocked | Withdrawn | MerkleRootSet

LOCKED = "0x4c00281b0bce21cd7064204e92146d972c359c3743b9a503f438b4325efaaf14"
UNLOCKED = "0xc866d6212c58a2480a6da14f1bdbaae0c127cdc8296409157a23b968149066ce"
WITHDRAWN = "0x92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6"
MERKLE_ROOT_SET = "0xb04b7d6145a7588fdcf339a22877d5965f861c171204fc37688058c5f6c06d3b"
DEPOSITS_TOPICS = (LOCKED, UNLOCKED)
VAULT_TOPICS = (WITHDRAWN, MERKLE_ROOT_SET)

EPOCH_PROPS_INDEX = bytes.fromhex("f05f7317")
EPOCH_PROPS = bytes.fromhex("412a329f")
CURRENT_EPOCH = bytes.fromhex("b97dd9e2")
DECISION_WINDOW_OPEN = bytes.fromhex("d6e9433b")
PROPOSAL_ADDRESSES = bytes.fromhex("dfc30ae7")
CID = bytes.fromhex("aa3ec0a9")
BALANCE_OF = bytes.fromhex("70a08231")
MERKLE_ROOTS = bytes.fromhex("71c5ecb1")
SET_MERKLE_ROOT = bytes.fromhex("18712c21")


def view(to: bytes, data: bytes, block: str) -> Request:
    """An eth_call at `block` (a tag or a hex number)."""
    return "eth_call", ({"to": Hex(to).text, "data": Hex(data).text}, block)


def argument(selector: bytes, number: int) -> bytes:
    """Calldata with one unsigned argument."""
    return selector + word(number)


def balance_of(owner: Address) -> bytes:
    return BALANCE_OF + owner.rjust(32, b"\0")


def set_merkle_root(epoch: int, root: bytes) -> bytes:
    return SET_MERKLE_ROOT + encode(["uint256", "bytes32"], [epoch, root])


def uint(result: str) -> int:
    """One word. UnexpectedAnswer for anything else, such as no contract at the address."""
    return int.from_bytes(_words(result, 1)[0], "big")


def root(result: str) -> Hex:
    return Hex(_words(result, 1)[0])


def epoch_props(index: int, result: str) -> EpochProps:
    numbers = [int.from_bytes(w, "big") for w in _words(result, 5)]
    return EpochProps(index, *numbers)


def addresses(result: str) -> tuple[Address, ...]:
    return tuple(Address.parse(a) for a in _decoded("address[]", result))


def text(result: str) -> str:
    return str(_decoded("string", result))


def decode_log(log: dict[str, Any], timestamp: int) -> Fact:
    """The fact in a log of Deposits or the Vault, of a block mined at `timestamp`."""
    where = {
        "block": BlockRef(
            number=int(log["blockNumber"], 16),
            hash=Hex.parse(log["blockHash"]),
            timestamp=timestamp,
        ),
        "log_index": int(log["logIndex"], 16),
        "transaction_hash": Hex.parse(log["transactionHash"]),
    }
    return _DECODERS[log["topics"][0]](where, log["data"])


def _locked(where: dict[str, Any], data: str) -> Locked:
    before, amount, _, user = _words(data, 4)
    return Locked(**where, user=_user(user), amount=_wei(amount), deposit_before=_wei(before))


def _unlocked(where: dict[str, Any], data: str) -> Unlocked:
    before, amount, _, user = _words(data, 4)
    return Unlocked(**where, user=_user(user), amount=_wei(amount), deposit_before=_wei(before))


def _withdrawn(where: dict[str, Any], data: str) -> Withdrawn:
    user, amount, epoch = _words(data, 3)
    return Withdrawn(
        **where, user=_user(user), amount=_wei(amount), epoch=int.from_bytes(epoch, "big")
    )


def _merkle_root_set(where: dict[str, Any], data: str) -> MerkleRootSet:
    epoch, merkle_root = _words(data, 2)
    return MerkleRootSet(**where, epoch=int.from_bytes(epoch, "big"), root=Hex(merkle_root))


_DECODERS: dict[str, Callable[[dict[str, Any], str], Fact]] = {
    LOCKED: _locked,
    UNLOCKED: _unlocked,
    WITHDRAWN: _withdrawn,
    MERKLE_ROOT_SET: _merkle_root_set,
}


def _user(data: bytes) -> Address:
    return Address(data[12:])


def _wei(data: bytes) -> Wei:
    return Wei.from_bytes(data, "big")


def _words(data: str, count: int) -> Sequence[bytes]:
    raw = bytes.fromhex(data[2:])
    if len(raw) != 32 * count:
        raise UnexpectedAnswer(f"{len(raw)} bytes instead of {32 * count}: is the address right?")
    return [raw[i : i + 32] for i in range(0, len(raw), 32)]


def _decoded(kind: str, result: str) -> Any:
    try:
        return decode([kind], bytes.fromhex(result[2:]))[0]
    except Exception as error:  # the library's errors have no common parent
        raise UnexpectedAnswer(f"no {kind}: is the address right?") from error
