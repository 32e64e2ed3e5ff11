"""Request bodies as pydantic models: keys in camelCase or snake_case, unknown ones ignored."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticKnownError

from octant_gateway.parameters import UserAddress

KEYS = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True)


def _unicode(text: str) -> str:
    """JSON can escape half a surrogate pair; no UTF-8 can carry it on."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise PydanticKnownError("string_unicode")
    return text


Text = Annotated[str, AfterValidator(_unicode)]


LARGEST = 2**256  # what a contract's integer holds, and the largest lock
MANY = 10**6  # days or epochs: far above use


def _as_text(pattern: str) -> WithJsonSchema:
    """Integers beyond 2^53 travel as text in most languages; a JSON integer will do, too."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "description": "wei"})


class AllocationItem(BaseModel):
    model_config = KEYS

    project_address: UserAddress = Field(alias="proposalAddress")
    amount: Annotated[int, Field(ge=0, lt=LARGEST), _as_text("^[0-9]+$")]


class AllocationPayload(BaseModel):
    model_config = KEYS

    allocations: list[AllocationItem]
    nonce: Annotated[int, Field(ge=0)]


class AllocateBody(BaseModel):
    model_config = KEYS

    payload: AllocationPayload
    user_address: UserAddress
    signature: Text
    is_manually_edited: bool


class LeverageBody(BaseModel):
    model_config = KEYS

    allocations: list[AllocationItem]


class EpochsEstimateBody(BaseModel):
    model_config = KEYS

    number_of_epochs: Annotated[int, Field(gt=0, le=MANY)]
    glm_amount: Annotated[int, Field(ge=0, lt=LARGEST), _as_text("^[0-9]+$")]


class DaysEstimateBody(BaseModel):
    """Days and amounts below zero earn nothing."""

    model_config = KEYS

    days: Annotated[int, Field(ge=-MANY, le=MANY)]
    glm_amount: Annotated[int, Field(gt=-LARGEST, lt=LARGEST), _as_text("^-?[0-9]+$")]


class PatronModeBody(BaseModel):
    model_config = KEYS

    signature: Text


class ClaimBody(BaseModel):
    model_config = KEYS

    signature: Text


class TermsBody(BaseModel):
    model_config = KEYS

    signature: Text


class DelegationBody(BaseModel):
    model_config = KEYS

    primary_address: UserAddress = Field(alias="primaryAddr")
    secondary_address: UserAddress = Field(alias="secondaryAddr")
    primary_signature: Text = Field(alias="primaryAddrSignature")
    secondary_signature: Text = Field(alias="secondaryAddrSignature")


class UserAllocationRequestRawV1(BaseModel):
    """An allocation without its signature; clients see this name among the faults."""

    model_config = KEYS

    payload: AllocationPayload
    is_manually_edited: bool


def _unicode_if_text(message: str | UserAllocationRequestRawV1) -> str | UserAllocationRequestRawV1:
    return _unicode(message) if isinstance(message, str) else message


class MultisigBody(BaseModel):
    """The text of the terms of service, or an allocation."""

    model_config = KEYS

    message: Annotated[str | UserAllocationRequestRawV1, AfterValidator(_unicode_if_text)]
