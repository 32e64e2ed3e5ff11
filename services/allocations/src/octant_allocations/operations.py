"""The service's admin actions."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from octant_chassis.database import Database
from octant_chassis.operations import operator_router
from octant_chassis.settings import ChassisSettings
from octant_contracts.values import Address
from pydantic import AfterValidator, BaseModel, Field

from octant_allocations.quotients import service
from octant_allocations.quotients.model import parse_score


def _address(text: str) -> str:
    return Address.parse(text).text


def _score(text: str) -> str:
    return str(parse_score(text))


def _words(text: str) -> str:
    if not text.strip() or "\0" in text:
        raise ValueError("say it in words")
    return text.strip()


Words = Annotated[str, Field(max_length=1000), AfterValidator(_words)]


class UniquenessQuotient(BaseModel):
    """A score, and who sets it for which reason."""

    epoch: Annotated[int, Field(ge=1, lt=2**31, strict=True)]
    user: Annotated[str, AfterValidator(_address)]
    score: Annotated[str, AfterValidator(_score), Field(examples=["0.0", "0.01", "1.0"])]
    who: Words
    why: Words


def router(settings: ChassisSettings, database: Database) -> APIRouter:
    actions = operator_router(settings)

    @actions.post("/uniqueness-quotients")
    async def set_uniqueness_quotient(body: UniquenessQuotient) -> dict[str, Any]:
        """Sets a user's weight in an epoch; what is allocated already is weighed anew."""
        try:
            await service.set_score(
                database,
                body.epoch,
                Address.parse(body.user),
                Decimal(body.score),
                who=body.who,
                why=body.why,
            )
        except service.EpochSealed as reason:
            raise HTTPException(409, str(reason)) from None
        return {"epoch": body.epoch, "user": body.user, "score": body.score}

    return actions
