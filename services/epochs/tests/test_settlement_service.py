"""Facts to settled deposits over a real bus and database: seals, reverts, repeats, size."""

import asyncio
import urllib.error
import urllib.request

import pytest
from octant_chassis.projection import NotYet
from octant_contracts.calls import FIRST_DEPOSIT, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.events import CHAIN_SYNC, DepositsSettled, stream_name
from octant_contracts.seals import deposits_digest
from octant_devnet.testkit import eventually
from octant_epochs.deposits import service as deposits
from octant_epochs.deposits.model import SealMismatch


async def refusal_of(answer) -> tuple[str, dict[str, str]]:
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value.code, caught.value.details


async def settlements(world) -> list[DepositsSettled]:
    return [e for e in await world.announced() if isinstance(e, DepositsSettled)]


def ready_status(world) -> int:
    url = f"http://127.0.0.1:{world.service.operations_port}/readyz"
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


async def test_estimate__of_the_current_epoch__follows_every_lock(world):
    glm, start = world.GLM, world.START
    first, middle = world.block(1, start), world.block(5, start + 500)
    await world.tell(world.props(), world.head(1, start))
    assert await world.estimate(1) == 0

    await world.tell(world.lock(first, 3, 1, 100 * glm), world.head(1, start))
    assert (await world.estimate(1), await world.deposit(1, 1)) == (100 * glm, 100 * glm)

    await world.tell(world.lock(middle, 0, 1, 100 * glm), world.head(5, start + 500))
    assert await world.estimate(1) == 150 * glm
    assert await world.estimate(2) == 0

    later = world.block(6, start + 750)
    await world.tell(world.unlock(later, 0, 1, 50 * glm), world.head(6, start + 750))
    # 100 for half of the epoch, then never more than the 150 that remain.
    assert await world.estimate(1) == 125 * glm


async def test_estimate__facts_before_epoch_1__do_not_count(world):
    early = world.block(1, world.START - 5)
    await world.tell(
        world.props(), world.lock(early, 0, 1, 500 * world.GLM), world.head(2, world.START + 1)
    )

    assert await world.estimate(1) == 0


async def test_epoch__sealed_with_our_facts__settles_and_opens_the_next(world):
    glm, start = world.GLM, world.START
    first, middle = world.block(1, start), world.block(2, start + 500)
    facts = [
        world.lock(first, 0, 1, 1000 * glm),
        world.lock(first, 1, 2, 90 * glm),
        world.lock(middle, 0, 3, 400 * glm),
        world.unlock(middle, 1, 1, 800 * glm),
    ]
    await world.tell(world.props(), *facts, world.head(2, start + 500))
    head = await world.chain_epoch_ends(1, 9)
    assert await world.estimate(3) == 400 * glm
    assert [await world.deposit(user, 1) for user in (1, 2, 3)] == [200 * glm, 0, 200 * glm]
    assert await refusal_of(world.deposit(77, 1)) == (
        "EffectiveDepositNotFound",
        {"user": world.user(77).text, "epoch": "1"},
    )
    assert await refusal_of(world.page(1)) == ("NotLoadedYet", {"what": "Deposits of epoch 1"})

    await world.tell(world.seal(1, head, facts))

    expected = sorted(
        [
            (world.user(1), 200 * glm, 200 * glm),
            (world.user(2), 0, 90 * glm),
            (world.user(3), 200 * glm, 400 * glm),
        ]
    )
    page = await world.page(1)
    assert [(d.user, d.effective_deposit, d.end_balance) for d in page.deposits] == expected
    assert page.next_cursor is None
    assert await settlements(world) == [
        DepositsSettled(
            epoch=1,
            start=start,
            end=start + 1000,
            finalized_at=start + 1200,
            to_block=head,
            total_effective_deposit=400 * glm,
            count=3,
            digest=deposits_digest(expected),
        )
    ]
    assert (await world.deposit(1, 1), await world.deposit(3, 1)) == (200 * glm, 200 * glm)
    assert await world.estimate(3) == 400 * glm
    for epoch in (-1, 0, 3, 2**40, 2**80):
        assert (await refusal_of(world.deposit(1, epoch)))[0] == "EffectiveDepositNotFound"
    assert (await refusal_of(world.deposit(77, 1)))[0] == "EffectiveDepositNotFound"

    # The second epoch carries what the first left: user 2 tops up to an eligible balance.
    top_up = world.lock(world.block(12, start + 1500), 0, 2, 110 * glm)
    await world.tell(top_up, world.head(12, start + 1500))
    head = await world.chain_epoch_ends(2, 20)
    await world.tell(world.seal(2, head, [top_up]))
    assert (await settlements(world))[1].total_effective_deposit == (200 + 145 + 400) * glm
    assert (await world.deposit(2, 2), await world.deposit(1, 2)) == (145 * glm, 200 * glm)
    assert [d.effective_deposit for d in (await world.page(1)).deposits] == [e[1] for e in expected]


async def test_first_deposit__of_a_user__is_the_first_settled_row_of_any_amount(world):
    async def first(user: int) -> int | None:
        return (await world.ask(FIRST_DEPOSIT, OfUser(world.user(user)))).epoch

    one = world.lock(world.block(1, world.START), 0, 1, 1)  # far too little to be effective
    await world.tell(world.props(), one, world.head(1, world.START))
    head = await world.chain_epoch_ends(1, 9)
    assert await first(1) is None
    await world.tell(world.seal(1, head, [one]))
    assert (await first(1), await first(2)) == (1, None)
    two = world.lock(world.block(12, world.START + 1500), 0, 2, 100 * world.GLM)
    await world.tell(two, world.head(12, world.START + 1500))
    head = await world.chain_epoch_ends(2, 20)
    await world.tell(world.seal(2, head, [two]))
    assert (await first(1), await first(2), await first(3)) == (1, 2, None)


async def test_fact__in_the_first_second_of_an_epoch__belongs_to_it_alone(world):
    glm, end = world.GLM, world.START + world.DURATION
    last = world.lock(world.block(1, end - 1), 0, 1, 200 * glm)
    first = world.lock(world.block(2, end), 0, 2, 300 * glm)
    await world.tell(world.props(), last, first, world.head(2, end))
    # Nothing is settled: the opening balance of epoch 2 comes from the facts before it.
    assert (await world.estimate(1), await world.estimate(2)) == (200 * glm, 300 * glm)
    assert (await world.info(2)).total_effective_deposit == 500 * glm

    await world.tell(world.seal(1, first.block, [last]))

    assert [d.user for d in (await world.page(1)).deposits] == [world.user(1)]
    assert (await world.estimate(1), await world.estimate(2)) == (200 * glm, 300 * glm)
    assert (await world.info(2)).total_effective_deposit == 500 * glm


async def test_seal__that_differs_from_our_facts__stops_loudly_and_settles_nothing(world):
    glm, start = world.GLM, world.START
    fact = world.lock(world.block(1, start), 0, 1, 1000 * glm)
    await world.tell(world.props(), fact, world.head(1, start))
    head = await world.chain_epoch_ends(1, 9)
    await eventually(lambda: not world.service.readiness.waiting())
    assert await asyncio.to_thread(ready_status, world) == 200

    wrong = world.seal(1, head, [fact, world.lock(world.block(2, start + 1), 0, 2, glm)])
    await world.say(wrong, world.head(10, start + 1100))

    def stopped() -> str:
        return world.service.readiness.waiting().get("events of chain-sync", "")

    await eventually(lambda: "SealMismatch" in stopped())
    ours = world.seal(1, head, [fact])
    assert f"2 facts of [{start}, {start + 1000}) with digest {wrong.digest}" in stopped()
    assert f"1 facts of [{start}, {start + 1000}) with digest {ours.digest}" in stopped()
    assert await asyncio.to_thread(ready_status, world) == 503
    assert (await world.count("settlements"), await world.count("deposits")) == (0, 0)
    assert await settlements(world) == []
    assert await world.estimate(1) == 1000 * glm  # calls go on


async def test_facts__reverted_and_told_anew__count_as_the_chain_has_them(world):
    glm, start = world.GLM, world.START
    kept = world.lock(world.block(1, start), 0, 1, 200 * glm)
    orphan = world.lock(world.block(2, start + 10), 0, 1, 1000 * glm)
    await world.tell(world.props(), kept, orphan, world.head(2, start + 10))
    assert await world.estimate(1) > 1000 * glm

    await world.tell(world.reverted(kept.block, 2))
    assert await world.estimate(1) == 200 * glm

    again = world.lock(world.block(2, start + 500, "fork"), 0, 2, 300 * glm)
    await world.tell(again, world.head(2, start + 500, "fork"))
    head = await world.chain_epoch_ends(1, 9)
    await world.tell(world.seal(1, head, [kept, again]))
    assert (await world.deposit(1, 1), await world.deposit(2, 1)) == (200 * glm, 150 * glm)


async def test_events__delivered_twice__change_nothing(world):
    glm, start = world.GLM, world.START
    fact = world.lock(world.block(1, start), 0, 1, 200 * glm)
    await world.tell(world.props(), fact, world.head(1, start))
    head = await world.chain_epoch_ends(1, 9)
    seal = world.seal(1, head, [fact])
    await world.tell(seal)
    before = await world.announced()

    # Told again under new ids, then the whole stream a second time after its store was lost.
    await world.tell(fact, seal, world.head(9, head.timestamp))
    await world.bus.jetstream.delete_stream(stream_name(CHAIN_SYNC))
    await world.tell(world.head(10, start + 1100))

    assert await world.announced() == before
    assert (await world.count("facts"), await world.count("deposits")) == (1, 1)
    assert await world.deposit(1, 1) == 200 * glm


async def test_reorg__reaching_into_a_settled_epoch__is_the_alarm(world):
    start = world.START
    fact = world.lock(world.block(2, start + 5), 0, 1, 200 * world.GLM)
    await world.tell(world.props(), world.head(1, start), fact, world.head(2, start + 5))
    head = await world.chain_epoch_ends(1, 9)
    await world.tell(world.seal(1, head, [fact]))
    # A reorganisation above the settled facts is an ordinary one.
    await world.tell(
        world.reverted(world.block(8, start + 999), 9), world.head(9, start + 1020, "fork")
    )

    await world.say(world.reverted(world.block(1, start), 2))

    await eventually(
        lambda: (
            "SettledFactsChanged"
            in world.service.readiness.waiting().get("events of chain-sync", "")
        )
    )
    assert await world.count("facts") == 1


async def test_fact__new_in_a_settled_epoch__is_the_alarm(world):
    start = world.START
    await world.tell(world.props(), world.head(1, start))
    head = await world.chain_epoch_ends(1, 9)
    await world.tell(world.seal(1, head, []))

    await world.say(world.lock(world.block(8, start + 999), 0, 1, world.GLM))

    await eventually(
        lambda: (
            "a new fact in a settled epoch"
            in world.service.readiness.waiting().get("events of chain-sync", "")
        )
    )
    assert await world.count("facts") == 0


async def test_seal__of_another_calendar_or_repeated_differently__is_a_mismatch(world):
    start = world.START
    await world.tell(world.props(duration=500), world.head(1, start))
    head = world.block(1, start + world.DURATION + 10)
    async with world.service.database.transaction("test") as connection:
        with pytest.raises(SealMismatch, match=f"ours are 0 facts of .{start}, {start + 500}"):
            await deposits.settle(900, connection, world.seal(1, head, []))

    await world.tell(world.props())
    async with world.service.database.transaction("test") as connection:
        await deposits.settle(900, connection, world.seal(1, head, []))
        fact = world.lock(world.block(1, start), 0, 1, 1)
        with pytest.raises(SealMismatch):
            await deposits.settle(900, connection, world.seal(1, head, [fact]))


async def test_seal__before_the_epoch_before_it__has_to_wait(world):
    start = world.START
    await world.tell(world.props(), world.head(1, start + 2 * world.DURATION + 10))
    seal = world.seal(2, world.block(1, start + 2 * world.DURATION + 10), [])

    async with world.service.database.transaction("test") as connection:
        with pytest.raises(NotYet, match="epoch 1"):
            await deposits.settle(900, connection, seal)
