"""The finalized snapshot that would be taken if the open window closed now."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    PAGE,
    FinalizedSimulation,
    FinalizedSimulationRequest,
    SimulatedClaim,
    SimulatedProject,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex, Wei
from octant_protocol.finalization import Finalization
from octant_protocol.rules import MatchingPercents

from octant_rewards.allocations import repository as allocations
from octant_rewards.chain.calendar import chain_state
from octant_rewards.estimates.service import settle
from octant_rewards.paging import next_cursor
from octant_rewards.snapshots import repository as snapshots


class FinalizedSimulator:
    """Keeps the last result, which holds until an allocation or a patron changes it."""

    def __init__(self, database: Database, percents: MatchingPercents) -> None:
        self._database = database
        self._percents = percents
        self._last: tuple[int, int, Finalization] | None = None

    async def simulate(self, request: FinalizedSimulationRequest) -> FinalizedSimulation:
        """A page of the claims; NotLoadedYet when the first page was of an older state."""
        state, result = await self._result()
        if request.as_of is not None and request.as_of != state:
            raise Refusal("NotLoadedYet", what="A simulation that allocations have overtaken")
        first = max(request.cursor, 0)
        claims = list(result.claims.items())[first : first + PAGE]
        return FinalizedSimulation(
            patrons_rewards=Wei(result.patrons_rewards),
            matched_rewards=Wei(result.matched.matched),
            projects_rewards=[
                SimulatedProject(Address(p.project), Wei(p.allocated + p.matched), Wei(p.matched))
                for p in result.rewarded
            ],
            user_rewards=[SimulatedClaim(Address(user), Wei(claim)) for user, claim in claims],
            total_withdrawals=Wei(result.total_withdrawals),
            leftover=Wei(result.leftover),
            merkle_root=Hex(result.tree.root) if result.tree else None,
            staking_matched_reserved_for_v2=Wei(result.matched.reserved_for_v2),
            as_of=state,
            next_cursor=next_cursor(first, claims),
        )

    async def _result(self) -> tuple[int, Finalization]:
        """The state it was computed from (any change counts it up), and the result."""
        async with self._database.reading() as connection:
            epoch = (await chain_state(connection)).pending
            if epoch is None:
                raise Refusal("SimulationOutsideWindow")
            pending = await snapshots.pending(connection, epoch)
            if pending is None:
                raise Refusal("SimulationWithoutSnapshot")
            state = await allocations.count_changes(connection, epoch)
            if self._last is None or self._last[:2] != (epoch, state):
                result = await settle(connection, pending, self._percents)
                self._last = epoch, state, result
            return state, self._last[2]
