"""The sections of the signatures file. Inputs and expected values share an entry there."""

from collections.abc import Callable, Iterator
from typing import Any

from octant_protocol.address import eip55, parse_address
from octant_protocol.messages import (
    delegation_hashes,
    delegation_text,
    glm_claim_text,
    patron_mode_text,
    terms_of_service_text,
)
from octant_protocol.replay import account_cases
from octant_protocol.replay.parsing import allocation_pairs, hex_bytes, hex_text, wei
from octant_protocol.signatures import (
    address_of_private_key,
    allocation_digest,
    allocation_struct_hash,
    domain_separator,
    glm_claim_digest,
    glm_claim_struct_hash,
    personal_digest,
    recover,
    sign_digest,
)

Case = dict[str, Any]

_NOT_SECTIONS = frozenset({"meta", "name", "description", "note"})


def checks(document: Case) -> Iterator[tuple[str, Callable[[], object], Case]]:
    """One check per entry; an unknown section is one failing check."""
    for section, entries in document.items():
        if section in _NOT_SECTIONS:
            continue
        if section not in _SECTIONS:
            yield section, _cannot_replay, {"expected": {}}
            continue
        compute, computed = _SECTIONS[section]
        for number, entry in enumerate(entries, start=1):
            expected = {name: entry[name] for name in computed if name in entry}
            yield (
                f"{section} {entry.get('id', number)}",
                lambda entry=entry, compute=compute: compute(entry),  # type: ignore[misc]
                {"expected": expected},
            )


def _cannot_replay() -> object:
    raise ValueError("cannot replay yet")


def _signed(
    entry: Case, digest: bytes, key_name: str, *, signature_name: str = "signature"
) -> Case:
    key = hex_bytes(entry[key_name])
    signature = sign_digest(key, digest)
    signer = address_of_private_key(key)
    if recover(digest, signature) != signer:
        raise ValueError("the recovered signer differs from the signing key's address")
    return {
        "digest": hex_text(digest),
        signature_name: signature,
        "signer": eip55(signer),
    }


def _allocation(entry: Case) -> Case:
    pairs = allocation_pairs(entry["allocations"])
    chain, nonce = entry["chain_id"], entry["nonce"]
    result = _signed(entry, allocation_digest(chain, pairs, nonce), "private_key")
    return result | {
        "domain_separator": hex_text(domain_separator(chain)),
        "struct_hash": hex_text(allocation_struct_hash(pairs, nonce)),
        "request_body": {
            "payload": {
                "allocations": [
                    {"proposalAddress": eip55(project), "amount": str(amount)}
                    for project, amount in pairs
                ],
                "nonce": nonce,
            },
            "userAddress": result["signer"],
            "signature": result["signature"],
            # Free for the client to choose; it is not part of what is signed.
            "isManuallyEdited": entry.get("request_body", {}).get("isManuallyEdited"),
        },
    }


def _text(entry: Case, message: str) -> Case:
    result = _signed(entry, personal_digest(message), "private_key")
    return result | {
        "address": result["signer"],
        "message": message,
        "message_utf8_length": len(message.encode()),
    }


def _terms_of_service(entry: Case) -> Case:
    return _text(entry, terms_of_service_text(_key_address(entry)))


def _patron_mode(entry: Case) -> Case:
    enable = not entry["current_status"]
    return _text(entry, patron_mode_text(_key_address(entry), enable)) | {
        "resulting_status": enable
    }


def _key_address(entry: Case, name: str = "private_key") -> bytes:
    return address_of_private_key(hex_bytes(entry[name]))


def _delegation_signatures(entry: Case) -> Case:
    primary = _key_address(entry, "primary_private_key")
    secondary = _key_address(entry, "secondary_private_key")
    message = delegation_text(primary, secondary)
    digest = personal_digest(message)
    return (
        _signed(entry, digest, "primary_private_key", signature_name="primaryAddrSignature")
        | _signed(
            entry,
            digest,
            "secondary_private_key",
            signature_name="secondaryAddrSignature",
        )
        | {
            "message": message,
            "primaryAddr": eip55(primary),
            "secondaryAddr": eip55(secondary),
        }
    )


def _delegation_hashes(entry: Case) -> Case:
    primary = parse_address(entry["primary_input"])
    secondary = parse_address(entry["secondary_input"])
    hashes = delegation_hashes(
        primary,
        secondary,
        primary_salt=entry["delegation_salt_primary"],
        secondary_salt=entry["delegation_salt"],
    )
    return {
        "primary": eip55(primary),
        "secondary": eip55(secondary),
        "primary_hash": hashes.primary,
        "secondary_hash": hashes.secondary,
        "both_hash": hashes.both,
    }


def _glm_claim(entry: Case) -> Case:
    message = glm_claim_text(wei(entry["glm_withdrawal_amount_wei"]))
    chain = entry["chain_id"]
    result = _signed(entry, glm_claim_digest(chain, message), "private_key")
    return result | {
        "address": result["signer"],
        "message": {"msg": message},
        "domain_separator": hex_text(domain_separator(chain)),
        "struct_hash": hex_text(glm_claim_struct_hash(message)),
    }


# Section: its computation and the fields of an entry that it computes; the rest are inputs.
_SECTIONS: dict[str, tuple[Callable[[Case], Case], tuple[str, ...]]] = {
    "allocation_eip712": (
        _allocation,
        (
            "signer",
            "domain_separator",
            "struct_hash",
            "digest",
            "signature",
            "request_body",
        ),
    ),
    "tos": (
        _terms_of_service,
        ("address", "message", "message_utf8_length", "digest", "signature"),
    ),
    "patron_mode": (
        _patron_mode,
        (
            "address",
            "resulting_status",
            "message",
            "message_utf8_length",
            "digest",
            "signature",
        ),
    ),
    "delegation_signatures": (
        _delegation_signatures,
        (
            "primaryAddr",
            "secondaryAddr",
            "message",
            "digest",
            "primaryAddrSignature",
            "secondaryAddrSignature",
        ),
    ),
    "delegation_hashes": (
        _delegation_hashes,
        ("primary", "secondary", "primary_hash", "secondary_hash", "both_hash"),
    ),
    "glm_claim_eip712": (
        _glm_claim,
        (
            "address",
            "message",
            "domain_separator",
            "struct_hash",
            "digest",
            "signature",
        ),
    ),
    **account_cases.SECTIONS,
}
