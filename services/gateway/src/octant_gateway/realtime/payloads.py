"""What travels over Socket.IO, as it is on the wire; the AsyncAPI document is made from it.

Addresses and amounts are the services' own texts, passed on as they came.
"""

from typing import Annotated

from msgspec import Meta, Struct

AddressText = Annotated[
    str, Meta(description="EIP-55", extra_json_schema={"pattern": "^0x[0-9a-fA-F]{40}$"})
]
WeiText = Annotated[str, Meta(description="wei", extra_json_schema={"pattern": "^[0-9]+$"})]


class Threshold(Struct, frozen=True, kw_only=True):
    """What a project has to exceed to be matched; null since epoch 4."""

    threshold: WeiText | None
    revision: int


class ProjectReward(Struct, frozen=True):
    """Allocated to a project, and the match it would get if the window closed now."""

    address: AddressText
    allocated: WeiText
    matched: WeiText


class Donor(Struct, frozen=True):
    address: AddressText
    amount: WeiText


class ProjectDonors(Struct, frozen=True, kw_only=True):
    """Who allocated to a project, zero amounts included, oldest first."""

    project: AddressText
    donors: list[Donor]
    revision: int


class Failure(Struct, frozen=True):
    """Why an allocation was refused; `code` is the status that HTTP would have given."""

    message: str
    code: int


class AllocateError(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """`alreadyStored`: the same request was granted before; only its acknowledgement was lost."""

    message: str
    code: int
    already_stored: bool = False


class Refused(Struct, frozen=True):
    """The acknowledgement of an allocation that was refused."""

    error: AllocateError
