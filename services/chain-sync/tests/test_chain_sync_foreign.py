"""Contracts and nodes that are not like ours, in what the chain's interface leaves open."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from chain_sync_kit import GLM, PROJECTS, contents, events_of
from octant_chain_sync import rpc
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.node import WITHOUT_FINALITY, Node
from octant_chain_sync.settings import contracts_of
from octant_chassis.database import Database, Notifications
from octant_contracts.events import BlockAdvanced, Locked, ProjectsSet
from octant_contracts.values import Address
from octant_devnet import contracts
from octant_devnet.abi import encode_call
from octant_devnet.chainkit import STRANGER, do, new_contract, topic
from octant_devnet.people import lock

Change = Callable[[dict[str, Any]], Any]
Index = Callable[[Change], Awaitable[Node]]


def refused(code: int, message: str, data: str = "0x") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "data": data}}


def calls(request: dict[str, Any], signature: str) -> bool:
    """Whether it is an eth_call of this function."""
    if request["method"] != "eth_call":
        return False
    return bytes.fromhex(request["params"][0]["data"][2:10]) == encode_selector(signature)


def encode_selector(signature: str) -> bytes:
    return bytes.fromhex(topic(signature)[2:10])


@asynccontextmanager
async def node_before(url: str, change: Change) -> AsyncIterator[rpc.Rpc]:
    """A node like the one at `url`, but for requests `change` answers, or changes in place."""

    async def answer(session: aiohttp.ClientSession, request: dict[str, Any]) -> dict[str, Any]:
        own = change(request)
        if own is not None:
            return {"jsonrpc": "2.0", "id": request["id"], **own}
        async with session.post(url, json=request) as response:
            return dict(await response.json())

    async def handle(received: web.Request) -> web.Response:
        body = await received.json()
        async with aiohttp.ClientSession() as session:
            if isinstance(body, dict):
                return web.json_response(await answer(session, body))
            return web.json_response([await answer(session, request) for request in body])

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with rpc.connect(f"http://127.0.0.1:{runner.addresses[0][1]}/") as client:
            yield client
    finally:
        await runner.cleanup()


@pytest.fixture
async def index(chain, database: Database, settings) -> Index:
    """Indexes the chain once through a node that `change` makes another one."""

    async def once(change: Change) -> Node:
        async with node_before(chain.url, change) as client:
            node = Node(client, contracts_of(settings), settings.chain_id)
            unset = type(settings)(**{**as_dict(settings), "confirmations": None, "log_range": 8})
            await Indexer(database, node, Notifications(database), unset).poll()
            return node

    return once


def as_dict(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


@pytest.mark.parametrize(
    "answer", [refused(-32602, "unknown block tag"), {"result": None}], ids=["error", "null"]
)
async def test_node__without_the_finalized_tag__makes_old_blocks_final(
    chain, database, index, answer
):
    chain.mine(WITHOUT_FINALITY)
    await index(lambda r: answer if r["params"][:1] == ["finalized"] else None)
    final = (await events_of(database, BlockAdvanced))[-1].final_block
    assert final == chain.height() - WITHOUT_FINALITY > 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "query returned more than 10000 results"),
        (-32602, "Log response size exceeded"),
        (-32614, "eth_getLogs is limited to a 2 range"),
    ],
)
async def test_logs__too_many_for_the_node__are_read_in_smaller_ranges(
    chain, deployment, database, index, alice, code, message
):
    for amount in (1, 2, 3):
        lock(chain, deployment, alice, amount)
    refusals = 0

    def limited(request: dict[str, Any]) -> Any:
        nonlocal refusals
        if request["method"] != "eth_getLogs":
            return None
        query = request["params"][0]
        if int(query["toBlock"], 16) - int(query["fromBlock"], 16) < 2:
            return None
        refusals += 1
        return refused(code, message)

    await index(limited)
    assert [fact.amount for fact in await events_of(database, Locked)] == [1, 2, 3]
    assert refusals > 0


async def test_logs__of_other_contracts__are_not_facts_even_if_the_node_sends_them(
    chain, deployment, database, index, alice, fresh_index
):
    lock(chain, deployment, alice, 7)
    chain.set_balances({STRANGER: 10**20})
    coin = new_contract(chain, "Token", ["address[]"], [STRANGER])
    box = new_contract(chain, "Deposits", ["address", "address"], coin, deployment.auth)
    do(chain, STRANGER, coin, "approve(address,uint256)", box, GLM)
    do(chain, STRANGER, box, "lock(uint256)", GLM)
    seen: list[str] = []

    def unfiltered(request: dict[str, Any]) -> Any:
        if request["method"] == "eth_getLogs":
            query = request["params"][0]
            request["params"] = [{k: v for k, v in query.items() if k.endswith("Block")}]
            seen.append(query["fromBlock"])
        return None

    await index(unfiltered)
    assert seen
    assert [fact.amount for fact in await events_of(database, Locked)] == [7]
    tables = ("deposit_facts", "withdrawals", "merkle_roots")
    assert await contents(database, *tables) == await fresh_index(*tables)


async def test_logs__of_one_contract_with_the_others_event__are_not_facts(
    chain, deployment, database, index, alice
):
    lock(chain, deployment, alice, 7)

    def renamed(request: dict[str, Any]) -> Any:
        if request["method"] != "eth_getLogs":
            return None
        (query,) = request["params"]
        logs = chain.rpc("eth_getLogs", {**query, "topics": []})
        withdrawn = topic("Withdrawn(address,uint256,uint256)")
        return {"result": [{**raw, "topics": [withdrawn]} for raw in logs]}

    await index(renamed)
    assert [type(e).__name__ for e in await events_of(database)][-1] == "BlockAdvanced"
    assert (await contents(database, "withdrawals"))["withdrawals"] == []


async def test_projects__that_revert_for_an_epoch__are_none_and_others_are_read(
    chain, database, index
):
    epoch_0 = encode_call("getProposalAddresses(uint256)", [0]).hex()

    def refusing(request: dict[str, Any]) -> Any:
        if request["method"] == "eth_call" and request["params"][0]["data"] == "0x" + epoch_0:
            return refused(-32000, "execution reverted")
        return None

    await index(refusing)
    lists = {e.epoch: e.projects for e in await events_of(database, ProjectsSet)}
    assert lists[0] == []
    assert lists[1] == [Address.parse(p) for p in PROJECTS]


@pytest.mark.parametrize("signature", ["getProposalAddresses(uint256)", "cid()"])
async def test_read__that_runs_out_of_gas__says_nothing_and_is_not_taken_for_an_answer(
    database, index, signature
):
    with pytest.raises(rpc.ExecutionFailed):
        await index(lambda r: refused(-32000, "out of gas") if calls(r, signature) else None)
    assert await events_of(database) == []


@pytest.mark.parametrize(
    "refusal",
    [
        refused(3, "execution reverted", "0x"),
        refused(3, "execution reverted", "0x4e487b71" + (0x11).to_bytes(32, "big").hex()),
        refused(-32000, "execution reverted: wait for it"),
    ],
    ids=["no reason", "panic", "own words"],
)
async def test_status__before_the_start__is_epoch_0_whatever_the_contract_says(
    chain, settings, refusal
):
    functions = ("getCurrentEpoch()", "isDecisionWindowOpen()")

    def early(request: dict[str, Any]) -> Any:
        return refusal if any(calls(request, function) for function in functions) else None

    async with node_before(chain.url, early) as client:
        live = await Node(client, contracts_of(settings), 1337).live_status(5.0)
    assert (live.height, live.epoch, live.window_open) == (chain.height(), 0, False)


async def test_reads__of_a_whole_index__are_those_of_the_public_interface(
    chain, deployment, database, index, multisig_sets_props
):
    """A contract with the interface's functions alone is enough."""
    known = {
        deployment.epochs: ("epochPropsIndex()", "epochProps(uint256)"),
        deployment.proposals: ("getProposalAddresses(uint256)", "cid()"),
    }
    allowed = {
        (to.lower(), "0x" + encode_selector(signature).hex())
        for to, signatures in known.items()
        for signature in signatures
    }
    seen: set[tuple[str, str]] = set()

    def listening(request: dict[str, Any]) -> Any:
        if request["method"] == "eth_call":
            call = request["params"][0]
            seen.add((call["to"].lower(), call["data"][:10]))
        return None

    await index(listening)
    assert seen == allowed


@pytest.fixture
def multisig_sets_props(chain, deployment) -> None:
    chain.send(deployment.multisig_key, deployment.epochs, contracts.set_epoch_props(9000, 100))
