"""Balances that other services ask for: staking proceeds, and the GLM in Deposits."""

from octant_contracts.calls import ProceedsRequest, StakingProceeds, WeiAmount
from octant_contracts.errors import Refusal
from octant_contracts.values import Wei

from octant_chain_sync.node import Node
from octant_chain_sync.rpc import answering
from octant_chain_sync.settings import MAINNET, Settings


async def staking_proceeds(
    node: Node, settings: Settings, request: ProceedsRequest
) -> StakingProceeds:
    """Test networks: the WithdrawalsTarget's balance at `request.block`, less the surplus.

    Independent of the epoch's bounds; negative when the surplus is larger.
    """
    if settings.chain_id == MAINNET:
        raise Refusal("ServiceUnavailable", service="staking proceeds sources")
    if request.block < 0:
        raise Refusal("NotLoadedYet", what="The block of the staking proceeds")
    with answering():
        block, balance = await node.balance(node.contracts.withdrawals_target, request.block)
    return StakingProceeds(
        value=Wei(balance - settings.epoch_2_staking_proceeds_surplus), block=block
    )


async def locked_glm(node: Node) -> WeiAmount:
    """GLM held by Deposits now."""
    with answering():
        return WeiAmount(Wei(await node.glm_balance(node.contracts.deposits)))
