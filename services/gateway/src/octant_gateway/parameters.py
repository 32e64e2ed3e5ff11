"""Parameters of path and query as pydantic types: their faults are the public 422 items."""

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


class AllocationsOfEpoch(BaseModel):
    epoch_number: EpochNumber
    include_zero_allocations: bool = Field(default=False, alias="includeZeroAllocations")
