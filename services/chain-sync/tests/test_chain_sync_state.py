import msgspec
import pytest
from chain_sync_kit import CID, DURATION, PROJECTS, WINDOW, events_of, settings_for
from octant_chain_sync import rpc
from octant_chain_sync.indexer import model, repository
from octant_chain_sync.indexer.model import ProjectList
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.node import Node
from octant_chain_sync.projects.service import projects_of_epoch
from octant_chain_sync.settings import contracts_of, fixed_cids
from octant_chassis.database import Notifications
from octant_contracts.errors import Refusal
from octant_contracts.events import EpochPropsSet, ProjectsSet
from octant_contracts.values import Address
from octant_devnet import contracts
from octant_devnet.chainkit import GENESIS, Nodes
from octant_devnet.deploy import deploy
from octant_devnet.people import project_addresses
from octant_devnet.travel import to_next_epoch
from octant_protocol.calendar import EpochProps

LIST = [Address.parse(p) for p in PROJECTS]
OTHERS = project_addresses(2, "others")
OTHER_LIST = [Address.parse(p) for p in OTHERS]


def multisig(chain, deployment, to: str, data: bytes):
    return chain.send(deployment.multisig_key, to, data)


async def new_events(database, indexer, kind):
    before = len(await events_of(database, kind))
    await indexer.poll()
    return (await events_of(database, kind))[before:]


def entry(event: EpochPropsSet) -> tuple[int, ...]:
    return (
        event.index,
        event.from_epoch,
        event.to_epoch,
        event.from_ts,
        event.duration,
        event.decision_window,
    )


async def test_props__on_first_sight__are_announced_with_the_contracts_values(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    (event,) = await new_events(database, make_indexer(), EpochPropsSet)
    assert entry(event) == (0, 1, 0, start, DURATION, WINDOW)
    assert event.block.number == chain.height()


async def test_props__changed__are_announced_once_per_change(
    chain, deployment, database, make_indexer
):
    indexer = make_indexer()
    await indexer.poll()
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    multisig(chain, deployment, deployment.epochs, contracts.set_epoch_props(9000, 100))
    events = await new_events(database, indexer, EpochPropsSet)
    next_start = start + DURATION
    assert [entry(e) for e in events] == [
        (0, 1, 1, start, DURATION, WINDOW),
        (1, 2, 0, next_start, 9000, 100),
    ]
    multisig(chain, deployment, deployment.epochs, contracts.set_epoch_props(7000, 50))
    events = await new_events(database, indexer, EpochPropsSet)
    assert [entry(e) for e in events] == [(1, 2, 0, next_start, 7000, 50)]
    chain.mine()
    assert await new_events(database, indexer, EpochPropsSet) == []


async def test_props__of_several_changes__are_all_read_by_a_fresh_index(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    multisig(chain, deployment, deployment.epochs, contracts.set_epoch_props(3000, 1000))
    chain.travel_to(start + DURATION + 1)
    multisig(chain, deployment, deployment.epochs, contracts.set_epoch_props(10000, 6000))
    chain.travel_to(start + DURATION + 3000 + 1)
    multisig(chain, deployment, deployment.epochs, contracts.set_epoch_props(4000, 2000))
    events = await new_events(database, make_indexer(), EpochPropsSet)
    assert [entry(e) for e in events] == [
        (0, 1, 1, start, 5000, 2000),
        (1, 2, 2, start + 5000, 3000, 1000),
        (2, 3, 3, start + 8000, 10000, 6000),
        (3, 4, 0, start + 18000, 4000, 2000),
    ]
    lists = await events_of(database, ProjectsSet)
    assert [e.epoch for e in lists] == [0, 1, 2, 3, 4]


async def test_props__read_at_a_head_that_was_never_indexed__are_forgotten(
    chain, database, make_indexer
):
    """A long catch-up reads the calendar at the head; that head may be reorganised away."""
    indexer = make_indexer()
    await indexer.poll()
    async with database.transaction("test") as connection:
        gone = EpochProps(1, 2, 0, 2_000_000_000, 9000, 100)
        await repository.write_props(connection, [gone], chain.height() + 100)
    chain.mine()
    await indexer.poll()
    async with database.reading() as connection:
        assert list(await repository.read_props(connection)) == [0]


async def test_projects__changed__are_announced_for_the_epochs_they_concern(
    chain, deployment, database, make_indexer
):
    indexer = make_indexer()
    first = await new_events(database, indexer, ProjectsSet)
    assert [(e.epoch, e.projects, e.cid) for e in first] == [
        (0, LIST, CID),
        (1, LIST, CID),
        (2, LIST, CID),
    ]
    data = contracts.set_proposal_addresses(2, OTHERS)
    multisig(chain, deployment, deployment.proposals, data)
    changed = await new_events(database, indexer, ProjectsSet)
    assert [(e.epoch, e.projects, e.cid) for e in changed] == [(2, OTHER_LIST, CID)]
    data = contracts.set_proposal_addresses(1, OTHERS[:1])
    multisig(chain, deployment, deployment.proposals, data)
    changed = await new_events(database, indexer, ProjectsSet)
    assert [(e.epoch, e.projects) for e in changed] == [(1, OTHER_LIST[:1])]


async def test_cid__of_a_past_epoch__stays_what_it_was_before_the_epochs_end(
    chain, deployment, database, make_indexer
):
    indexer = make_indexer()
    await indexer.poll()
    multisig(chain, deployment, deployment.proposals, contracts.set_cid("QmDuringOne"))
    changed = await new_events(database, indexer, ProjectsSet)
    assert [(e.epoch, e.cid) for e in changed] == [(1, "QmDuringOne"), (2, "QmDuringOne")]
    to_next_epoch(chain, deployment)
    await indexer.poll()
    multisig(chain, deployment, deployment.proposals, contracts.set_cid("QmDuringTwo"))
    await indexer.poll()
    cids = [(await projects_of_epoch(database, e, {})).projects_cid for e in (0, 1, 2, 3, 99)]
    assert cids == [CID, "QmDuringOne", *["QmDuringTwo"] * 3]


async def test_lists__changed_just_before_several_epochs_are_skipped__are_not_missed(
    chain, deployment, database, make_indexer
):
    indexer = make_indexer()
    await indexer.poll()
    multisig(chain, deployment, deployment.proposals, contracts.set_proposal_addresses(1, OTHERS))
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    chain.travel_to(start + 4 * DURATION)  # epoch 5
    await indexer.poll()
    for epoch in range(1, 7):
        answer = await projects_of_epoch(database, epoch, {})
        listed = contracts.proposal_addresses(chain, deployment.proposals, epoch)
        assert [p.text.lower() for p in answer.projects_addresses] == listed
        assert answer.projects_addresses == OTHER_LIST


async def test_projects_of_epoch__negative_unknown_or_not_loaded__answers_or_refuses(
    database, make_indexer
):
    with pytest.raises(Refusal) as refused:
        await projects_of_epoch(database, 1, {})
    assert refused.value.code == "NotLoadedYet"
    await make_indexer().poll()
    with pytest.raises(Refusal) as refused:
        await projects_of_epoch(database, -1, {})
    assert refused.value.code == "InvalidEpoch"
    for epoch in (0, 1, 2, 3, 2**31, 2**70):
        assert (await projects_of_epoch(database, epoch, {})).projects_addresses == LIST


async def test_mainnet_list__names_an_epoch__wins_over_the_contracts_cid(
    database, settings, make_indexer
):
    await make_indexer().poll()
    mainnet = msgspec.structs.replace(settings, chain_id=1, mainnet_proposal_cids=" QmA , ,QmC")
    cids = fixed_cids(mainnet)
    assert cids == {1: "QmA", 3: "QmC"}
    assert fixed_cids(msgspec.structs.replace(mainnet, mainnet_proposal_cids="")) == {}
    assert fixed_cids(msgspec.structs.replace(mainnet, chain_id=1337)) == {}
    answers = [(await projects_of_epoch(database, e, cids)).projects_cid for e in range(5)]
    assert answers == [CID, "QmA", CID, "QmC", CID]


async def test_chain__that_has_not_started__has_props_and_the_first_lists(
    nodes: Nodes, settings, database
):
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.deterministic_time(1)
    start = GENESIS + 1000
    deployment = deploy(chain, projects=[], epochs_start=start, epoch_duration=5000)
    own = settings_for(chain, deployment, settings.db_uri.reveal())
    async with rpc.connect(chain.url) as client:
        node = Node(client, contracts_of(own), 1337)
        indexer = Indexer(database, node, Notifications(database), own)
        (props,) = await new_events(database, indexer, EpochPropsSet)
        assert (props.index, props.from_ts) == (0, start)
        assert [e.epoch for e in await events_of(database, ProjectsSet)] == [0, 1]
        live = await node.live_status(1.0)
        assert (live.height, live.epoch, live.window_open) == (chain.height(), 0, False)
        chain.travel_to(start)
        lists = await new_events(database, indexer, ProjectsSet)
        assert [e.epoch for e in lists] == [2]
        live = await node.live_status(1.0)
        assert (live.epoch, live.window_open) == (1, False)


def test_epochs_to_read__since_the_last_look__are_those_that_may_have_changed():
    assert model.epochs_to_read([], 0, 0) == [0, 1]
    assert model.epochs_to_read([], 0, 3) == [0, 1, 2, 3, 4]
    assert model.epochs_to_read(range(5), 3, 3) == [3, 4]
    assert model.epochs_to_read(range(5), 3, 4) == [3, 4, 5]
    assert model.epochs_to_read(range(5), 3, 6) == [3, 4, 5, 6, 7]


def test_indexes_to_read__known_or_not__always_include_the_last_two():
    assert model.indexes_to_read([], 0) == [0]
    assert model.indexes_to_read([], 3) == [0, 1, 2, 3]
    assert model.indexes_to_read([0, 1, 2], 2) == [1, 2]
    assert model.indexes_to_read([0, 2], 4) == [1, 3, 4]


def test_changed_projects__of_epochs_over_current_and_next__choose_their_cid():
    before = {e: ProjectList(projects=(), cid="old") for e in (1, 2, 3)}
    read = dict.fromkeys((1, 2, 3, 4), ())
    changed = model.changed_projects(before, read, cid="new", current=3, fixed_cids={})
    assert {e: p.cid for e, p in changed.items()} == {3: "new", 4: "new"}
    changed = model.changed_projects({}, read, cid="new", current=3, fixed_cids={2: "fixed"})
    assert {e: p.cid for e, p in changed.items()} == {1: "new", 2: "fixed", 3: "new", 4: "new"}
