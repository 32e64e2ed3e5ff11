"""Asks a contract wallet whether it accepts a signature (EIP-1271, both forms)."""

from typing import Any

from octant_contracts.calls import SignatureCheck, Verdict
from octant_protocol.signatures import MalformedSignature, is_plain_account
from octant_protocol.wallets import accepts_signature, is_valid_signature_call, wallet_signature

from octant_chain_sync.contracts import view
from octant_chain_sync.node import QUICK_ATTEMPTS, QUICK_TIMEOUT
from octant_chain_sync.rpc import ExecutionFailed, NodeError, Rpc, answering
from octant_chain_sync.wallets.model import accepts_standard, standard_call


async def check_contract_signature(rpc: Rpc, check: SignatureCheck) -> Verdict:
    """Valid when the account is a contract that answers either call with its magic value.

    Plain accounts and EIP-7702 delegations sign with their own key: never valid here. Refusal
    UpstreamFailed or UpstreamTimeout when the node gave no answer about the signature.
    """
    try:
        signature = wallet_signature(check.signature)
    except MalformedSignature:
        return Verdict(valid=False)
    digest = bytes(check.digest)
    requests = [
        ("eth_getCode", (check.user.text, "latest")),
        view(check.user, is_valid_signature_call(digest, signature), "latest"),
    ]
    if len(digest) == 32:
        requests.append(view(check.user, standard_call(digest, signature), "latest"))
    with answering():
        code, *answers = await rpc.settle(requests, timeout=QUICK_TIMEOUT, attempts=QUICK_ATTEMPTS)
        if isinstance(code, NodeError):
            raise code
        if is_plain_account(bytes.fromhex(code[2:])):
            return Verdict(valid=False)
        legacy, *standard = [_returned(answer) for answer in answers]
    return Verdict(
        valid=accepts_signature(legacy) or any(accepts_standard(data) for data in standard)
    )


def _returned(answer: Any) -> bytes:
    """Return data of a call; nothing when the wallet's code failed."""
    if isinstance(answer, ExecutionFailed):
        return b""
    if isinstance(answer, NodeError):
        raise answer
    return bytes.fromhex(answer[2:])
