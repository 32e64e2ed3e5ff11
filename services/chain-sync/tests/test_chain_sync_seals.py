import hashlib

from chain_sync_kit import DURATION, GLM, contents, events_of, poll_until_reverted
from octant_contracts.events import FactsReverted, FactsSealed, Locked, Unlocked
from octant_contracts.values import BlockRef, Hex
from octant_devnet import contracts
from octant_devnet.people import lock, unlock


def digest_of(rows: list[tuple[int, int, str, str, int, int]]) -> str:
    """SHA-256 over `block|log|"kind"|0xuser|wei|time` lines."""
    lines = [f'{b}|{i}|"{k}"|{u.lower()}|{a}|{t}\n' for b, i, k, u, a, t in rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def row_of(chain, deployment, receipt, kind: str, who, amount: int):
    (index,) = [e.index for e in receipt.logs if e.address.lower() == deployment.deposits.lower()]
    time = int(chain.block(receipt.block_number)["timestamp"], 16)
    return receipt.block_number, index, kind, who.address, amount, time


async def test_epoch__over_and_final__is_sealed_once_with_count_and_digest(
    chain, deployment, database, make_indexer, alice, bob
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    end = start + DURATION
    indexer = make_indexer()
    rows = [
        row_of(chain, deployment, lock(chain, deployment, alice, GLM), "Locked", alice, GLM),
        row_of(chain, deployment, lock(chain, deployment, bob, 3), "Locked", bob, 3),
    ]
    await indexer.poll()
    rows.append(
        row_of(chain, deployment, unlock(chain, deployment, alice, 5), "Unlocked", alice, 5)
    )
    chain.travel_to(end - 1)
    await indexer.poll()
    assert not await events_of(database, FactsSealed)
    last = chain.block()
    chain.travel_to(end)
    late = lock(chain, deployment, bob, 4)
    late_row = row_of(chain, deployment, late, "Locked", bob, 4)
    assert late_row[-1] >= end
    await indexer.poll()
    await indexer.poll()
    await make_indexer().poll()

    (sealed,) = await events_of(database, FactsSealed)
    assert sealed == FactsSealed(
        epoch=1,
        start=start,
        end=end,
        to_block=BlockRef(
            number=int(last["number"], 16), hash=Hex.parse(last["hash"]), timestamp=end - 1
        ),
        count=3,
        digest=digest_of(rows),
    )
    events = await events_of(database)
    facts = [e for e in events[: events.index(sealed)] if isinstance(e, Locked | Unlocked)]
    assert len(facts) == 4


async def test_several_epochs__over_at_the_first_look__are_sealed_in_order(
    chain, deployment, database, make_indexer, alice
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    first = row_of(chain, deployment, lock(chain, deployment, alice, 1), "Locked", alice, 1)
    before_the_jump = chain.height()
    chain.travel_to(start + 2 * DURATION)
    in_third = chain.height()
    second = row_of(chain, deployment, lock(chain, deployment, alice, 2), "Locked", alice, 2)
    chain.travel_to(start + 3 * DURATION)
    await make_indexer().poll()
    sealed = await events_of(database, FactsSealed)
    assert [(s.epoch, s.count, s.digest) for s in sealed] == [
        (1, 1, digest_of([first])),
        (2, 0, digest_of([])),
        (3, 1, digest_of([second])),
    ]
    assert [s.to_block.number for s in sealed[:2]] == [before_the_jump, before_the_jump]
    assert sealed[2].to_block.number == second[0] > in_third


async def test_seal__with_confirmations__waits_until_the_end_is_final(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    indexer = make_indexer(confirmations=2)
    chain.travel_to(start + DURATION)
    for _ in range(2):
        await indexer.poll()
        assert not await events_of(database, FactsSealed)
        chain.mine()
    await indexer.poll()
    assert [s.epoch for s in await events_of(database, FactsSealed)] == [1]


async def test_seal__interrupted_after_indexing__is_made_up_for_at_the_next_start(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    chain.travel_to(start + DURATION)
    await make_indexer().poll()
    async with database.transaction("test") as connection:
        await connection.exec_driver_sql("DELETE FROM seals")
        await connection.exec_driver_sql("DELETE FROM outbox WHERE subject LIKE '%sealed'")
    await make_indexer().poll()
    assert [s.epoch for s in await events_of(database, FactsSealed)] == [1]


async def test_reorg__below_a_sealed_block__keeps_the_seal_and_reports_the_revert(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    indexer = make_indexer()
    await indexer.poll()
    snapshot = chain.rpc("evm_snapshot")
    chain.travel_to(start + DURATION)
    await indexer.poll()
    chain.rpc("evm_revert", snapshot)
    await poll_until_reverted(indexer, database)
    assert len(await events_of(database, FactsReverted)) == 1
    assert [row["epoch"] for row in (await contents(database, "seals"))["seals"]] == [1]
    chain.travel_to(start + DURATION + 1)
    await indexer.poll()
    assert len(await events_of(database, FactsSealed)) == 1
