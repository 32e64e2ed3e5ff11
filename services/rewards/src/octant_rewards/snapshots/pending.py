"""The pending snapshot: one transaction that turns settled deposits and proceeds into budgets."""

from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_chassis.outbox import append
from octant_contracts.calls import STAKING_PROCEEDS, ProceedsRequest
from octant_contracts.errors import Refusal
from octant_contracts.events import PendingSnapshotTaken
from octant_contracts.seals import budgets_digest
from octant_contracts.values import Wei
from octant_protocol.calendar import bounds
from octant_protocol.deposits import ratio_text
from octant_protocol.proceeds import split_proceeds, user_budget
from octant_protocol.rules import live_rules_for

from octant_rewards.chain import repository as chain_repository
from octant_rewards.chain.calendar import ChainState
from octant_rewards.snapshots import repository


async def take(
    database: Database, caller: Caller, epoch: int, chain: ChainState
) -> list[int] | None:
    """Takes the snapshot of a settled epoch; the ids of its events, None when it exists.

    Proceeds are read at the newest final block, which the snapshot records.
    """
    limits = bounds(chain.props, epoch)
    async with database.reading() as connection:
        final_block = await chain_repository.final_block(connection)
    proceeds = await caller.ask(
        STAKING_PROCEEDS,
        ProceedsRequest(epoch=epoch, start=limits.start, end=limits.end, block=final_block),
    )
    async with database.transaction("pending-snapshot") as connection:
        await repository.one_at_a_time(connection, database)
        if await repository.pending(connection, epoch) is not None:
            return None
        settled = await repository.settlement(connection, epoch)
        if settled is None:
            raise Refusal("SnapshotTooEarly", epoch=epoch, reason="its deposits are not settled")
        rules = live_rules_for(epoch)
        split = split_proceeds(proceeds.value, settled.total_effective_deposit, rules)
        budgets = [
            (user, budget)
            for user, effective in await repository.deposits(connection, epoch)
            if (
                budget := user_budget(
                    effective,
                    settled.total_effective_deposit,
                    split.vanilla_individual_rewards,
                    split.ppf,
                    rules,
                )
            )
        ]
        budgets.sort(key=lambda row: row[0].text)
        digest = budgets_digest(budgets)
        await repository.add_pending(
            connection,
            {
                "epoch": epoch,
                "rules": rules.name,
                "block_number": proceeds.block.number,
                "block_hash": proceeds.block.hash,
                "deposits_digest": settled.digest,
                "finalized_at": settled.finalized_at,
                "staking_proceeds": proceeds.value,
                "total_effective_deposit": settled.total_effective_deposit,
                "locked_ratio": ratio_text(split.locked_ratio),
                "total_rewards": split.total_rewards,
                "vanilla_individual_rewards": split.vanilla_individual_rewards,
                "operational_cost": split.operational_cost,
                "ppf": split.ppf or 0,
                "community_fund": split.community_fund or 0,
                "budgets_count": len(budgets),
                "budgets_digest": digest,
            },
            budgets,
        )
        return await append(
            connection,
            PendingSnapshotTaken(
                epoch=epoch,
                finalized_at=settled.finalized_at,
                block=proceeds.block,
                staking_proceeds=Wei(proceeds.value),
                total_effective_deposit=Wei(settled.total_effective_deposit),
                locked_ratio=split.locked_ratio,
                budgets_count=len(budgets),
                budgets_digest=digest,
            ),
        )
