"""Parameters of path and query as pydantic types: their faults are the public 422 items."""

from enum import StrEnum
from typing import Annotated

from octant_contracts.values import Address
from pydantic import BaseModel, Field, GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

# Any casing, `0x` optional, checksum not verified.
UserAddress = Annotated[
    Address,
    GetPydanticSchema(
        lambda _kind, _handler: core_schema.no_info_after_validator_function(
            Address.parse, core_schema.str_schema()
        )
    ),
    WithJsonSchema({"type": "string", "pattern": "^(0[xX])?[0-9a-fA-F]{40}$"}),
]
# What the services' integer columns hold; negative epochs match nothing.
EpochNumber = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]


class NoParameters(BaseModel):
    """Nothing is read from path or query."""


class OfEpoch(BaseModel):
    epoch_number: EpochNumber


class OfSnapshot(BaseModel):
    epoch: EpochNumber


class OfUser(BaseModel):
    user_address: UserAddress


class OfUserEpoch(BaseModel):
    user_address: UserAddress
    epoch_number: EpochNumber


class OfProjectEpoch(BaseModel):
    project_address: UserAddress
    epoch_number: EpochNumber


class MultisigType(StrEnum):
    TOS = "tos"
    ALLOCATION = "allocation"


class OfUserMultisigType(BaseModel):
    user_address: UserAddress
    op_type: Annotated[MultisigType, WithJsonSchema({"type": "string", "enum": [*MultisigType]})]


class OfUsers(BaseModel):
    """Comma separated; what is no address, the operation says."""

    user_addresses: str


class AllocationsOfEpoch(BaseModel):
    epoch_number: EpochNumber
    include_zero_allocations: bool = Field(default=False, alias="includeZeroAllocations")


class ProjectSearch(BaseModel):
    """Comma separated epochs and phrases; which are none, the operation says."""

    epochs: str
    search_phrases: str = Field(default="", alias="searchPhrases")


class HistoryOfUser(BaseModel):
    """Without a cursor from the newest item on; a longer page than the longest is that."""

    user_address: UserAddress
    cursor: Annotated[str | None, WithJsonSchema({"type": "string"})] = None
    limit: Annotated[int, Field(ge=1)] = 100
