"""The history through the gateway and the two services that have it: 500 items, every one once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import octant_allocations.app
import octant_allocations.settings
import octant_allocations.tables as given
import octant_chain_sync.app
import octant_chain_sync.settings
import octant_chain_sync.tables as chain
import pytest
from octant_chain_sync import rpc
from octant_chassis.bus import Bus
from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_chassis.service import start
from octant_chassis.settings import Secret
from octant_contracts.calls import ALLOCATIONS_STATUS, CHAIN_STATUS, Nothing
from octant_contracts.errors import Refusal
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, GATEWAY
from octant_contracts.values import Address
from octant_devnet import servers
from octant_devnet.testkit import eventually
from octant_gateway.app import build
from octant_gateway.cache.front import Cache
from octant_gateway.cache.store import Store
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.gateway import Gateway
from octant_gateway.realtime.server import Realtime
from octant_gateway.settings import GatewaySettings
from sqlalchemy import insert

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
USER = Address.parse(ALICE)
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
NOWHERE = "http://127.0.0.1:1"
COUNT = 500
EPOCHS = range(1, 21)
Item = dict[str, Any]


class Served:
    """Both services' databases, and a client of the gateway before them."""

    def __init__(self, chain_sync: Database, allocations: Database, http: httpx.AsyncClient):
        self.databases = (chain_sync, allocations)
        self._http = http

    async def store(self, table: Any, rows: list[dict[str, Any]]) -> None:
        chain_sync, allocations = self.databases
        database = chain_sync if table.metadata is chain.metadata else allocations
        async with database.transaction("test") as connection:
            await connection.execute(insert(table), rows)

    async def walk(self, limit: int) -> list[Item]:
        found: list[Item] = []
        query = f"limit={limit}"
        while True:
            response = await self._http.get(f"/history/{ALICE}?{query}")
            assert response.status_code == 200, response.text
            page = response.json()
            found += page["history"]
            if page["nextCursor"] is None:
                return found
            assert len(page["history"]) == limit
            query = f"limit={limit}&cursor={page['nextCursor']}"


@pytest.fixture
async def served(postgres_port: int, database_name: str, nats_url: str) -> AsyncIterator[Served]:
    def common(service: str) -> dict[str, Any]:
        dsn = servers.service_dsn(postgres_port, service, database_name)
        return {"db_uri": Secret(dsn), "nats_url": nats_url, "log_level": "CRITICAL"}

    contracts = ("deposits", "epochs", "glm", "vault", "withdrawals_target")
    chain_sync = octant_chain_sync.settings.Settings(
        **common(CHAIN_SYNC),
        **{f"{name}_contract_address": ALICE for name in contracts},
        eth_rpc_provider_url=Secret(NOWHERE),
        sablier_sepolia_subgraph_url=Secret(NOWHERE),
    )
    allocations = octant_allocations.settings.Settings(**common(ALLOCATIONS))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        client = await enter(rpc.connect(NOWHERE))
        first = await enter(start(CHAIN_SYNC, chain_sync, octant_chain_sync.app.PACKAGE))
        octant_chain_sync.app.wire(first, client, chain_sync)
        second = await enter(start(ALLOCATIONS, allocations, octant_allocations.app.PACKAGE))
        octant_allocations.app.wire(second, allocations)
        running = [asyncio.create_task(service.run()) for service in (first, second)]
        bus = Bus(nats_url, GATEWAY)
        await bus.connect()
        stack.push_async_callback(bus.close)
        gateway = Gateway(GatewaySettings(nats_url=nats_url), Caller(bus.client))
        cache = Cache(gateway, Store(0, lambda: True), CATALOGUE)
        app = build(gateway, Realtime(gateway), cache)
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        http = await enter(httpx.AsyncClient(transport=transport, base_url="http://octant"))

        async def answers() -> bool:
            try:
                for call in (CHAIN_STATUS, ALLOCATIONS_STATUS):
                    await gateway.ask(call, Nothing())
            except Refusal:
                return False
            return True

        await eventually(answers)
        yield Served(first.database, second.database, http)
        for service in (first, second):
            service.stopping.set()
        await asyncio.gather(*running)


def item(kind: str, second: int, **data: Any) -> Item:
    keys = ("amount", "transactionHash", "epoch", "isManuallyEdited", "leverage", "allocations")
    told = dict.fromkeys(keys) | data
    return {"type": kind, "timestamp": str(second), "eventData": told}


def order(one: Item) -> tuple[int, str, int, str]:
    data = one["eventData"]
    amount, transaction = data["amount"] or 0, data["transactionHash"] or ""
    return int(one["timestamp"]), one["type"], int(amount), transaction


def drawn(dice: random.Random) -> tuple[dict[Any, list[dict[str, Any]]], list[Item]]:
    """Rows by table, crowded in a few seconds, and the history that they make."""
    tables = (
        chain.deposit_facts, chain.withdrawals, chain.sablier_streams, chain.sablier_actions,
        given.epochs, given.snapshots, given.budgets, given.patron_events,
        given.requests, given.allocations,
    )  # fmt: skip
    rows: dict[Any, list[dict[str, Any]]] = {table: [] for table in tables}
    stream = {"id": "0x-1-7", "number": 7, "created_at": 1, "recipient": USER, "end_time": 1}
    amounts = {"deposit_amount": 1, "intact_amount": 1, "canceled": False}
    rows[chain.sablier_streams].append(stream | amounts)
    patron = {"sequence": 1, "user": USER, "enabled": True, "time": 0}
    rows[given.patron_events].append(patron)
    seconds = [dice.randrange(10**9, 2 * 10**9) for _ in range(40)]
    history: list[Item] = []
    for epoch, second in zip(EPOCHS, dice.sample(seconds, len(EPOCHS)), strict=True):
        bounds = {"start_at": 0, "end_at": 0, "decision_window": 0, "finalized_at": second}
        rows[given.epochs].append({"epoch": epoch, **bounds})
        snapshot = {"budgets_count": 0, "budgets_digest": "", "finalized": True}
        rows[given.snapshots].append({"epoch": epoch, **snapshot})
        rows[given.budgets].append({"epoch": epoch, "user": USER, "budget": epoch * 10**20})
        amount = str(epoch * 10**20)
        history.append(item("patron_mode_donation", second, amount=amount, epoch=epoch))
    for number in range(2, COUNT - len(EPOCHS) + 2):
        second = dice.choice(seconds[: dice.choice((2, 5, 40))])
        amount = dice.choice((1, 2, 10, 9 * 10**20, 10**21))
        kind = dice.choice(("lock", "unlock", "withdrawal", "stream", "allocation"))
        hashed = {"amount": str(amount), "transactionHash": f"0x{number:064x}"}
        fact = {
            "block_number": number,
            "log_index": 0,
            "block_hash": bytes(32),
            "timestamp": second,
            "transaction_hash": number.to_bytes(32),
            "user": USER,
            "amount": amount,
        }
        if kind == "allocation":
            leverage = dice.choice((None, 0.07, 1.0))
            rows[given.requests].append(
                {
                    "sequence": number,
                    "epoch": 1,
                    "user": USER,
                    "nonce": number,
                    "signature": "",
                    "is_manually_edited": True,
                    "time": second,
                    "leverage": leverage,
                }
            )
            row = {"sequence": number, "place": 1, "epoch": 1, "user": USER, "amount": amount}
            rows[given.allocations].append(row | {"project": Address.parse(PROJECT)})
            allocated = [{"projectAddress": PROJECT, "amount": str(amount)}]
            text = None if leverage is None else str(leverage)
            data = {"isManuallyEdited": True, "leverage": text, "allocations": allocated}
            history.append(item(kind, second, **data))
        elif kind == "withdrawal":
            rows[chain.withdrawals].append(fact | {"epoch": 1})
            history.append(item(kind, second, **hashed))
        elif kind == "stream":
            rows[chain.sablier_actions].append(
                {
                    "stream_id": stream["id"],
                    "position": number,
                    "category": "Create",
                    "timestamp": second,
                    "transaction_hash": number.to_bytes(32),
                    "address_b": USER,
                    "amount_a": amount,
                }
            )
            history.append(item("lock", second, **hashed))
        else:
            rows[chain.deposit_facts].append(
                fact | {"kind": kind.capitalize() + "ed", "deposit_before": 0}
            )
            history.append(item(kind, second, **hashed))
    # Allocations of one second: the later sequence first. All else differs.
    history.reverse()
    return rows, sorted(history, key=order, reverse=True)


async def test_history__of_two_real_services__is_whole_in_pages_of_any_size(served: Served) -> None:
    rows, expected = drawn(random.Random(7))
    for table, stored in rows.items():
        await served.store(table, stored)
    assert len(expected) == COUNT
    for limit in (100, 1, 12, 7, 3):
        found = await served.walk(limit)
        assert found == expected, limit
