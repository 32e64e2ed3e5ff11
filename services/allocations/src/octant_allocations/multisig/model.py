"""Messages of contract wallets as they are stored: a text, or an allocation as compact JSON."""

import msgspec
from octant_contracts.calls import AllocateRequest, AllocationInput, MultisigPayload
from octant_contracts.values import Address, Wei, decode, encode


class _Item(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    proposal_address: Address
    amount: Wei


class _Payload(msgspec.Struct, frozen=True, kw_only=True):
    allocations: list[_Item]
    nonce: int


class _Stored(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    payload: _Payload
    is_manually_edited: bool


def request_of(user: Address, payload: MultisigPayload, signature: str = "") -> AllocateRequest:
    return AllocateRequest(
        user=user,
        allocations=payload.allocations,
        nonce=payload.nonce,
        signature=signature,
        is_manually_edited=payload.is_manually_edited,
    )


def text_of(payload: MultisigPayload) -> str:
    """What clients get back, and `payload_of` reads."""
    items = [_Item(proposal_address=a.project, amount=a.amount) for a in payload.allocations]
    stored = _Stored(
        payload=_Payload(allocations=items, nonce=int(payload.nonce)),
        is_manually_edited=payload.is_manually_edited,
    )
    return encode(stored).decode()


def payload_of(text: str) -> MultisigPayload:
    stored = decode(text.encode(), _Stored)
    return MultisigPayload(
        allocations=[
            AllocationInput(project=item.proposal_address, amount=item.amount)
            for item in stored.payload.allocations
        ],
        nonce=Wei(stored.payload.nonce),
        is_manually_edited=stored.is_manually_edited,
    )
