"""Ten thousand users: settled in one go, read in pages. The time is printed, not judged."""

import time

from octant_contracts.calls import PAGE
from octant_contracts.events import DepositsSettled
from octant_contracts.seals import deposits_digest
from octant_epochs import tables
from sqlalchemy import insert, select


async def test_epoch__of_ten_thousand_users__settles_in_one_go_and_is_read_in_pages(world, capsys):
    glm, start, users = world.GLM, world.START, 10_000
    facts = [
        world.lock(world.block(1 + n // 100, start + n // 100), n % 100, n, (100 + n) * glm)
        for n in range(users)
    ]
    await world.tell(world.props(), world.head(1, start))
    async with world.service.database.transaction("test") as connection:
        await connection.execute(
            insert(tables.facts),
            [
                {
                    "block_number": f.block.number,
                    "log_index": f.log_index,
                    "block_hash": f.block.hash,
                    "transaction_hash": f.transaction_hash,
                    "kind": "Locked",
                    "user": f.user,
                    "amount": f.amount,
                    "timestamp": f.block.timestamp,
                }
                for f in facts
            ],
        )
    head = await world.chain_epoch_ends(1, 500)

    begun = time.perf_counter()
    await world.tell(world.seal(1, head, facts))
    with capsys.disabled():
        print(f"\n{users} users settled in {time.perf_counter() - begun:.2f} s")  # noqa: T201

    # Locked for all but n // 100 of 1000 seconds.
    expected = sorted(
        (f.user, f.amount * (1000 - (f.block.timestamp - start)) // 1000, f.amount) for f in facts
    )
    rows, cursor = [], 0
    while cursor is not None:
        page = await world.page(1, cursor)
        assert 0 < len(page.deposits) <= PAGE
        rows += [(d.user, d.effective_deposit, d.end_balance) for d in page.deposits]
        cursor = page.next_cursor
    assert rows == expected
    (settled,) = [e for e in await world.announced() if isinstance(e, DepositsSettled)]
    assert (settled.count, settled.digest) == (users, deposits_digest(rows))
    assert settled.total_effective_deposit == sum(row[1] for row in rows)
    assert (await world.page(1, users)).deposits == []
    assert (await world.page(1, 2**70)).deposits == []
    assert len((await world.page(1, -5)).deposits) == PAGE
    async with world.service.database.engine.connect() as connection:
        row = (await connection.execute(select(tables.settlements))).one()
    assert (row.epoch, row.facts_count, row.deposits_count) == (1, users, users)
    assert row.rules == "epoch-4"
