"""Signature file sections about accounts: wallets, verification, addresses."""

import json
from collections.abc import Callable
from typing import Any

from octant_protocol.address import eip55, parse_address
from octant_protocol.messages import terms_of_service_text
from octant_protocol.replay.parsing import allocation_pairs, hex_bytes, hex_text
from octant_protocol.signatures import (
    MalformedSignature,
    allocation_digest,
    is_plain_account,
    personal_digest,
    recover,
)
from octant_protocol.wallets import (
    IS_VALID_SIGNATURE_SELECTOR,
    get_message_hash_call,
    is_valid_signature_call,
    safe_domain_separator,
    safe_message_hash,
    wallet_signature,
)

Case = dict[str, Any]

_SAFE_FAMILIES = frozenset({">=1.3.0", "<1.3.0"})


def _safe_messages(entry: Case) -> Case:
    safe = parse_address(entry["safe"])
    message = entry["message"]
    if entry["op_type"] == "tos":
        message = stored = terms_of_service_text(safe)
        digest = personal_digest(message)
    elif entry["op_type"] == "allocation":
        stored = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        payload = message["payload"]
        digest = allocation_digest(
            entry["chain_id"], allocation_pairs(payload["allocations"]), payload["nonce"]
        )
    else:
        raise ValueError(f"unknown operation {entry['op_type']!r}")
    if entry["safe_version_family"] not in _SAFE_FAMILIES:
        raise ValueError(f"unknown Safe versions {entry['safe_version_family']!r}")
    names_chain = entry["safe_version_family"] == ">=1.3.0"
    separator = safe_domain_separator(safe, entry["chain_id"] if names_chain else None)
    return {
        "message": message,
        "stored_message": stored,
        "safe_msg_hash": hex_text(digest),
        "safe_domain_separator": hex_text(separator),
        "msg_hash": hex_text(safe_message_hash(separator, digest)),
    }


def _eip1271_calls(entry: Case) -> Case:
    data = hex_bytes(entry["data"])
    if entry["function"] == "isValidSignature(bytes,bytes)":
        calldata = is_valid_signature_call(data, wallet_signature(entry["signature"]))
    elif entry["function"] == "getMessageHash(bytes)":
        calldata = get_message_hash_call(data)
    else:
        raise ValueError(f"unknown function {entry['function']!r}")
    return {
        "calldata": hex_text(calldata),
        "accepting_return": hex_text(IS_VALID_SIGNATURE_SELECTOR),
    }


def _eoa_verification(entry: Case) -> Case:
    try:
        signer = recover(hex_bytes(entry["digest"]), entry["signature"])
        accepted = signer == parse_address(entry["claimed_address"])
    except MalformedSignature:
        accepted = False
    return {
        "expected": "valid" if accepted else "invalid",
        "required_of_new_implementation": "accept" if accepted else "400 InvalidSignature",
    }


def _code_classification(entry: Case) -> Case:
    return {"is_contract": not is_plain_account(hex_bytes(entry["code"]))}


def _address_normalisation(entry: Case) -> Case:
    try:
        return {"output": eip55(parse_address(entry["input"]))}
    except ValueError as error:
        return {"error_type": "value_error", "error_msg": f"Value error, {error}"}


SECTIONS: dict[str, tuple[Callable[[Case], Case], tuple[str, ...]]] = {
    "safe_messages": (
        _safe_messages,
        ("message", "stored_message", "safe_msg_hash", "safe_domain_separator", "msg_hash"),
    ),
    "eip1271_calls": (_eip1271_calls, ("calldata", "accepting_return")),
    "eoa_verification": (_eoa_verification, ("expected", "required_of_new_implementation")),
    "code_classification": (_code_classification, ("is_contract",)),
    "address_normalisation": (_address_normalisation, ("output", "error_type", "error_msg")),
}
