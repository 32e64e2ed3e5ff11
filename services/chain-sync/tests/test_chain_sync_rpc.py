"""The JSON-RPC client against a node that misbehaves, and the log decoder against eth_abi."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from chain_sync_kit import events_of
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st
from octant_chain_sync import contracts, rpc
from octant_chain_sync.indexer.reader import RangeReader
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.node import Node
from octant_chassis.database import Notifications
from octant_contracts.errors import Refusal
from octant_contracts.events import Locked, MerkleRootSet, Unlocked, Withdrawn
from octant_contracts.values import Address, BlockRef, Hex
from octant_devnet.chainkit import topic
from octant_devnet.people import lock

UINT256 = st.integers(min_value=0, max_value=2**256 - 1)
BYTES20 = st.binary(min_size=20, max_size=20)
BYTES32 = st.binary(min_size=32, max_size=32)

Answer = Callable[[Any], Any]


@asynccontextmanager
async def node_answering(*answers: Answer) -> AsyncIterator[tuple[rpc.Rpc, list[Any]]]:
    """A node that gives each answer once, and then the last one; and what it was asked."""
    asked: list[Any] = []
    left = list(answers)

    async def handle(request: web.Request) -> web.Response:
        asked.append(await request.json())
        outcome = (left.pop(0) if len(left) > 1 else left[0])(asked[-1])
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        return outcome if isinstance(outcome, web.Response) else web.json_response(outcome)

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with rpc.connect(f"http://127.0.0.1:{port}/") as client:
            yield client, asked
    finally:
        await runner.cleanup()


def echo(body: Any) -> Any:
    """Answers each request with its method, the last request of a batch first."""
    requests = body if isinstance(body, list) else [body]
    answers = [{"jsonrpc": "2.0", "id": r["id"], "result": r["method"]} for r in requests]
    return answers[::-1] if isinstance(body, list) else answers[0]


def failing(code: int, message: str, data: str | None = None) -> Answer:
    def answer(body: Any) -> Any:
        error = {"code": code, "message": message, **({"data": data} if data else {})}
        return {"jsonrpc": "2.0", "id": body["id"], "error": error}

    return answer


async def test_batch__answered_out_of_order__gives_results_in_the_order_asked():
    async with node_answering(echo) as (client, asked):
        requests = [(f"m{i}", ()) for i in range(250)]
        assert await client.batch(requests) == [m for m, _ in requests]
        assert [len(body) for body in asked] == [100, 100, 50]


async def test_read__refused_by_a_busy_server__is_tried_again():
    busy = [
        lambda _: web.Response(status=503, text="busy"),
        lambda body: {"jsonrpc": "2.0", "id": body["id"], "error": {"code": -32005}},
    ]
    async with node_answering(*busy, echo) as (client, asked):
        assert await client.call("eth_chainId") == "eth_chainId"
        assert len(asked) == 3


async def test_read__refused_for_ever__fails_after_its_attempts():
    async with node_answering(lambda _: web.Response(status=502)) as (client, asked):
        with pytest.raises(rpc.NodeUnreachable):
            await client.call("eth_chainId", attempts=3)
        assert len(asked) == 3


async def test_error__of_the_node__is_raised_at_once_with_its_code():
    async with node_answering(failing(-32000, "header not found")) as (client, asked):
        with pytest.raises(rpc.NodeError) as raised:
            await client.call("eth_call")
        assert raised.value.code == -32000
        assert not isinstance(raised.value, rpc.ExecutionFailed)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (3, "anything"),
        (-32000, "execution reverted: HN:X"),
        (-32000, "out of gas"),
        (-32000, "invalid opcode: INVALID"),
        (-32015, "VM execution error."),
    ],
)
async def test_error__of_the_evm__is_an_execution_failure_with_the_reverts_text(code, message):
    data = "0x08c379a0" + abi_encode(["string"], ["HN:Epochs/not-started-yet"]).hex()
    async with node_answering(failing(code, message, data)) as (client, _):
        with pytest.raises(rpc.ExecutionFailed) as raised:
            await client.call("eth_call")
        assert raised.value.reason == "HN:Epochs/not-started-yet"


async def test_answer__that_never_comes__is_a_timeout_refusal():
    async def silence(_: Any) -> web.Response:
        await asyncio.sleep(0.5)
        return web.Response()

    async with node_answering(silence) as (client, _):
        with pytest.raises(Refusal) as refused, rpc.answering():
            await client.call("eth_chainId", timeout=0.05, attempts=1)
        assert refused.value.code == "UpstreamTimeout"


async def test_answers__that_are_not_json_rpc__are_failures_not_crashes():
    for body in ('{"a":', "[]", "[1]", "null", '"x"', "{}", '[{"id":0}]', '{"error":{}}'):
        answer = web.Response(text=body)
        async with node_answering(lambda _, a=answer: web.Response(text=a.text)) as (client, _):
            with pytest.raises(rpc.RpcFailure):
                await client.batch([("eth_chainId", ()), ("eth_gasPrice", ())], attempts=1)


async def test_logs__refused_for_too_many_blocks__are_read_in_halves(
    chain, deployment, settings, node, alice
):
    """A node that takes at most three blocks per eth_getLogs, in front of the real one."""
    for amount in (1, 2, 3):
        lock(chain, deployment, alice, amount)

    async def limited(body: Any) -> Any:
        requests = body if isinstance(body, list) else [body]
        for request in requests:
            if request["method"] == "eth_getLogs":
                query = request["params"][0]
                if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 3:
                    return failing(-32602, "query exceeds max block range")(request)
        answers = [
            {"jsonrpc": "2.0", "id": r["id"], "result": chain.rpc(r["method"], *r["params"])}
            for r in requests
        ]
        return answers if isinstance(body, list) else answers[0]

    async with node_answering(limited) as (client, _):
        reader = RangeReader(Node(client, node.contracts, 1337), 1000)
        latest = await node.latest()
        base: BlockRef | None = None
        amounts, widest = [], 0
        while base is None or base.number < latest.number:
            first = 0 if base is None else base.number + 1
            found = await reader.read(first, latest, base)
            widest = max(widest, found.last.number - first + 1)
            amounts += [f.amount for f in found.facts if isinstance(f, Locked)]
            base = found.last.ref
    assert amounts == [1, 2, 3]
    assert widest == 3


async def test_latest_block__of_a_node_that_lags__is_not_taken_for_a_reorganisation(
    chain, settings, database, node, make_indexer
):
    chain.mine(3)
    await make_indexer().poll()
    before = await events_of(database)

    async def lagging(body: Any) -> Any:
        requests = body if isinstance(body, list) else [body]
        answers = []
        for request in requests:
            method, params = request["method"], list(request["params"])
            if method == "eth_getBlockByNumber" and params[0] == "latest":
                params[0] = hex(chain.height() - 2)
            answers.append({"jsonrpc": "2.0", "id": request["id"]})
            answers[-1]["result"] = chain.rpc(method, *params)
        return answers if isinstance(body, list) else answers[0]

    async with node_answering(lagging) as (client, _):
        behind = Node(client, node.contracts, 1337)
        await Indexer(database, behind, Notifications(database), settings).poll()
    assert await events_of(database) == before


def raw_log(signature: str, types: list[str], values: list[Any]) -> dict[str, Any]:
    return {
        "blockNumber": "0x10",
        "blockHash": "0x" + "ab" * 32,
        "logIndex": "0x3",
        "transactionHash": "0x" + "cd" * 32,
        "topics": [topic(signature)],
        "data": "0x" + abi_encode(types, values).hex(),
    }


WHERE = {
    "block": BlockRef(number=16, hash=Hex(b"\xab" * 32), timestamp=99),
    "log_index": 3,
    "transaction_hash": Hex(b"\xcd" * 32),
}


@given(before=UINT256, amount=UINT256, when=UINT256, user=BYTES20)
def test_deposit_logs__of_any_values__decode_as_they_were_encoded(before, amount, when, user):
    types = ["uint256", "uint256", "uint256", "address"]
    for name, kind in (("Locked", Locked), ("Unlocked", Unlocked)):
        log = raw_log(f"{name}({','.join(types)})", types, [before, amount, when, user])
        assert contracts.decode_log(log, 99) == kind(
            **WHERE, user=Address(user), amount=amount, deposit_before=before
        )


@given(user=BYTES20, amount=UINT256, epoch=UINT256, root=BYTES32)
def test_vault_logs__of_any_values__decode_as_they_were_encoded(user, amount, epoch, root):
    log = raw_log(
        "Withdrawn(address,uint256,uint256)",
        ["address", "uint256", "uint256"],
        [user, amount, epoch],
    )
    assert contracts.decode_log(log, 99) == Withdrawn(
        **WHERE, user=Address(user), amount=amount, epoch=epoch
    )
    log = raw_log("MerkleRootSet(uint256,bytes32)", ["uint256", "bytes32"], [epoch, root])
    assert contracts.decode_log(log, 99) == MerkleRootSet(**WHERE, epoch=epoch, root=Hex(root))


def test_results__without_a_contract_behind_them__are_unexpected_answers():
    for decode in (contracts.uint, contracts.root, contracts.addresses, contracts.text):
        with pytest.raises(rpc.UnexpectedAnswer):
            decode("0x")
