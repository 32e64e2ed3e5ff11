"""Somebody else's chain: its part of a world.json, and whether it is as the file says."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from eth_account import Account
from octant_contracts.values import Address

from octant_devnet.abi import Reverted, encode_call
from octant_devnet.anvil import CHAIN_ID
from octant_devnet.chain import Chain
from octant_devnet.rpc import RpcError
from octant_devnet.worldfile import ChainEntry, Contracts

RPC_TIMEOUT = 10.0
MAINNET = 1
SHAPE = '{"chain": {"rpcUrl": …, "id": …, "contracts": {…}}}'
OTHER_NAMES = {"id": "chainId", "name": "chainName"}
"""What a person may write; a world.json of ours has the longer names."""
DEVELOPMENT_IDS = (CHAIN_ID, 31337)
DEVELOPMENT_NODES = re.compile(r"anvil|hardhat|ganache", re.IGNORECASE)
WORD = 32

Say = Callable[[str], None]


class Unusable(Exception):
    """The file or its chain cannot be used; says what is wrong and what to do, in one line."""


class Attachment(msgspec.Struct, frozen=True):
    """A chain as it was found when a world was started on it."""

    chain: ChainEntry
    data: str
    """Where the world keeps this chain's data, in its folder."""
    development: bool
    """The node mines for developers: no block is ever final there, and polling costs nothing."""


def read(path: Path) -> ChainEntry:
    """The chain part of a world.json, checked as far as a file can be; Unusable otherwise."""
    chain = _chain_part(path)
    contracts = chain["contracts"]
    needed = [n for n, f in (("rpcUrl", "rpcUrl"), ("id", "chainId")) if chain.get(f) is None]
    names = dict(zip(Contracts.__struct_fields__, Contracts.__struct_encode_fields__, strict=True))
    needed += [f"contracts.{n}" for n in names.values() if n != "auth" and not contracts.get(n)]
    if needed:
        missing = ", ".join(f"chain.{name}" for name in needed)
        raise Unusable(f"{path} lacks {missing}: add what is missing")
    try:
        entry = msgspec.convert(chain, ChainEntry, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise Unusable(
            f"{path}: chain{where.rstrip('`')}: {what}".replace("chainId", "id")
        ) from None
    _check_key(path, entry)
    addresses = {
        field: _address(path, names[field], text)
        for field in names
        if (text := getattr(entry.contracts, field))
    }
    return msgspec.structs.replace(entry, contracts=Contracts(**addresses))


def look(path: Path, say: Say) -> Attachment:
    """Reads the file and asks the node whether it is so; Unusable when it is not."""
    entry = read(path)
    url = entry.rpc_url
    try:
        chain = Chain(url, timeout=RPC_TIMEOUT)
    except ValueError as error:
        raise Unusable(f"{path}: chain.rpcUrl {url!r}: {error}") from None
    try:
        found = int(chain.rpc("eth_chainId"), 16)
        if found != entry.chain_id:
            raise Unusable(
                f"the node at {url} is of chain {found}, but {path} says {entry.chain_id}: "
                "correct chain.rpcUrl or chain.id"
            )
        _check_contracts(path, chain, entry, say)
        development = found in DEVELOPMENT_IDS or _is_development_node(chain)
        if entry.confirmations is None and development:
            entry = msgspec.structs.replace(entry, confirmations=0)
        if entry.start_block is None:
            entry = msgspec.structs.replace(entry, start_block=_start_block(chain, entry, say))
        return Attachment(entry, f"attached/{_identity(chain, entry)}", development)
    except OSError as error:
        raise Unusable(
            f"{url} does not answer ({error}): start the node, or correct chain.rpcUrl"
        ) from None
    except (RpcError, LookupError, TypeError, ValueError) as error:
        raise Unusable(f"{url} does not answer like an Ethereum node: {error}") from None
    finally:
        chain.close()


def _chain_part(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Unusable(f"there is no file {path}: give the path of a world.json") from None
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unusable(f"{path} is not JSON: {error}") from None
    chain = content.get("chain") if isinstance(content, dict) else None
    if not isinstance(chain, dict) or not isinstance(chain.get("contracts", {}), dict):
        raise Unusable(f"{path} does not describe a chain: it must be {SHAPE}")
    renamed = {OTHER_NAMES.get(str(name), str(name)): value for name, value in chain.items()}
    return {"contracts": {}, **renamed}


def _address(path: Path, name: str, text: str) -> str:
    try:
        return Address.parse(text).text
    except ValueError:
        raise Unusable(f"{path}: chain.contracts.{name} is no address: {text!r}") from None


def _check_key(path: Path, entry: ChainEntry) -> None:
    if entry.multisig_key is None:
        return
    if entry.chain_id == MAINNET:
        raise Unusable(f"{path}: chain.multisigKey is not allowed on chain id 1: remove it")
    try:
        Account.from_key(entry.multisig_key)
    except Exception:  # the library has no common error; its text may show the key
        raise Unusable(f"{path}: chain.multisigKey is no private key of 32 bytes") from None


def _check_contracts(path: Path, chain: Chain, entry: ChainEntry, say: Say) -> None:
    for field in Contracts.__struct_fields__:
        address = getattr(entry.contracts, field)
        if address is None or chain.code(address):
            continue
        if field == "withdrawals_target":
            say(f"no contract at withdrawalsTarget {address}: its balance counts all the same")
            continue
        raise Unusable(
            f"there is no contract at chain.contracts.{field} {address} on {entry.rpc_url}: "
            f"correct {path}, or deploy it"
        )
    # Reads that the services need, and that tell these contracts from the others.
    _check_read(path, chain, "epochs", entry.contracts.epochs, "epochPropsIndex()")
    _check_read(path, chain, "proposals", entry.contracts.proposals, "cid()")
    glm, owner = entry.contracts.glm, entry.contracts.deposits
    _check_read(path, chain, "glm", glm, "balanceOf(address)", owner)


def _check_read(
    path: Path, chain: Chain, field: str, address: str, signature: str, *arguments: str
) -> None:
    call = {"to": address, "data": "0x" + encode_call(signature, arguments).hex()}
    try:
        answer = bytes.fromhex(chain.rpc("eth_call", call, "latest")[2:])
    except (Reverted, RpcError):
        answer = b""
    if len(answer) < WORD:
        raise Unusable(
            f"chain.contracts.{field} {address} does not answer {signature}: are addresses mixed "
            f"up in {path}?"
        )


def _is_development_node(chain: Chain) -> bool:
    try:
        return bool(DEVELOPMENT_NODES.search(chain.rpc("web3_clientVersion")))
    except RpcError:
        return False


def _start_block(chain: Chain, entry: ChainEntry, say: Say) -> int:
    """The first block with Deposits or the Vault, whose logs are all that is read from blocks."""
    addresses = (entry.contracts.deposits, entry.contracts.vault)
    low, high = 0, chain.height()
    try:
        while low < high:
            middle = (low + high) // 2
            if any(chain.rpc("eth_getCode", a, hex(middle)) not in ("0x", None) for a in addresses):
                high = middle
            else:
                low = middle + 1
    except RpcError:
        say("the node has forgotten old state: all blocks are read, unless chain.startBlock is set")
        return 0
    return low


def _identity(chain: Chain, entry: ChainEntry) -> str:
    """The same for the same contracts on the same chain, whatever the node's address.

    Block 1 and not 0: development nodes often begin with the same genesis.
    """
    c = entry.contracts
    first = chain.block(min(chain.height(), 1))["hash"]
    text = " ".join([str(entry.chain_id), first, c.deposits, c.epochs, c.proposals, c.vault])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
