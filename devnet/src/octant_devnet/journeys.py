"""The way through an epoch: people allocate, the window closes, the next epoch begins."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from octant_protocol.signatures import allocation_digest, sign_digest

from octant_devnet import contracts, gateway, seed, travel
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment, existing_deployment
from octant_devnet.people import Person
from octant_devnet.readiness import reason_not_ready
from octant_devnet.worldfile import WorldFile

PATIENCE = 60.0
ALLOCATING = 5
SHARES = (50, 30)
"""What a person gives to a first and a second project, in percent of the budget."""

Say = Callable[[str], None]


class Stuck(Exception):
    """Something that should have happened did not; says what, and who is not ready."""


def next_epoch(world: WorldFile, say: Say, *, take_snapshots: bool = False) -> int:
    """Travel to the next epoch and return its number; on the way an open window is used and closed.

    `take_snapshots`: ask for them, as nobody takes them by himself.
    """
    chain = Chain(world.chain.rpc_url)
    deployment = existing_deployment(chain)
    if deployment is None:
        raise Stuck(f"there are no contracts at {world.chain.rpc_url}")
    epoch = contracts.current_epoch(chain, deployment.epochs)
    _wait_indexed(world, epoch)
    if epoch > 1:
        if travel.window_open(chain, deployment):
            _use_window(world, chain, deployment, epoch - 1, say, take_snapshots)
        if not travel.window_open(chain, deployment):
            _finish(world, chain, deployment, epoch - 1, say, take_snapshots)
    reached = travel.to_next_epoch(chain, deployment)
    say(f"epoch {reached} has begun")
    _wait_indexed(world, reached)
    if take_snapshots:
        gateway.post(f"{world.gateway.url}/snapshots/pending")
    _wait_for(
        world,
        f"the pending snapshot of epoch {reached - 1}",
        lambda s: s["pendingSnapshot"] == "done",
    )
    _, answer = gateway.get(f"{world.gateway.url}/rewards/budgets/epoch/{reached - 1}")
    say(f"epoch {reached - 1} gave {len(answer['budgets'])} people a budget; its window is open")
    chain.close()
    return reached


def allocate_some(world: WorldFile, epoch: int, say: Say) -> int:
    """A few of the seeded people with a budget allocate part of it; how many did."""
    projects = seed.seeded_projects()
    done = 0
    # Others in each epoch, as far as they have a budget.
    lockers = seed.seeded_people()[: seed.LOCKING][::-1]
    first = epoch % len(lockers)
    for person in [*lockers[first:], *lockers[:first]]:
        if done == ALLOCATING:
            break
        url = f"{world.gateway.url}/rewards/budget/{person.address}/epoch/{epoch}"
        status, answer = gateway.get(url)
        if status != 200:
            continue
        budget = int(answer["budget"])
        amounts = [
            (projects[(person.index + number) % len(projects)], budget * share // 100)
            for number, share in enumerate(SHARES)
        ]
        allocate(world, person, amounts)
        done += 1
    say(f"{done} people allocated their budgets of epoch {epoch}")
    return done


def allocate(world: WorldFile, person: Person, amounts: Sequence[tuple[Person, int]]) -> None:
    """One signed allocation, in wei per project; Stuck when it is refused."""
    base = f"{world.gateway.url}/allocations"
    _, answer = gateway.get(f"{base}/users/{person.address}/allocation_nonce")
    nonce = int(answer["allocationNonce"])
    pairs = [(bytes.fromhex(project.address[2:]), wei) for project, wei in amounts]
    digest = allocation_digest(world.chain.chain_id, pairs, nonce)
    status, refusal = gateway.post(
        f"{base}/allocate",
        {
            "payload": {
                "allocations": [
                    {"proposalAddress": project.address, "amount": str(wei)}
                    for project, wei in amounts
                ],
                "nonce": nonce,
            },
            "userAddress": person.address,
            "signature": sign_digest(bytes.fromhex(person.key[2:]), digest),
            "isManuallyEdited": False,
        },
    )
    if status != 201:
        raise Stuck(f"the allocation of {person.address} was refused: {status} {refusal}")


def _use_window(
    world: WorldFile,
    chain: Chain,
    deployment: Deployment,
    epoch: int,
    say: Say,
    take_snapshots: bool,
) -> None:
    if take_snapshots:
        gateway.post(f"{world.gateway.url}/snapshots/pending")
    _wait_for(
        world,
        f"the pending snapshot of epoch {epoch}",
        lambda s: s["pendingSnapshot"] == "done",
    )
    allocate_some(world, epoch, say)
    props = contracts.current_epoch_props(chain, deployment.epochs)
    if props.decision_window + 1 < props.duration:
        travel.close_window(chain, deployment)
        say(f"the decision window of epoch {epoch} is closed")


def _finish(
    world: WorldFile,
    chain: Chain,
    deployment: Deployment,
    epoch: int,
    say: Say,
    take_snapshots: bool,
) -> None:
    _wait_indexed(world, epoch + 1)
    if take_snapshots:
        gateway.post(f"{world.gateway.url}/snapshots/finalized")
    _wait_for(
        world,
        f"the finalized snapshot of epoch {epoch}",
        lambda s: s["finalizedSnapshot"] == "done",
    )
    status, tree = gateway.get(f"{world.gateway.url}/rewards/merkle_tree/{epoch}")
    if status != 200:
        say(f"epoch {epoch} is finalized, nobody has a reward")
        return
    expected = bytes.fromhex(tree["root"][2:])
    deadline = time.monotonic() + PATIENCE
    while contracts.merkle_root(chain, deployment.vault, epoch) != expected:
        if time.monotonic() > deadline:
            raise Stuck(f"the vault has no merkle root of epoch {epoch}: {_not_ready(world)}")
        time.sleep(0.1)
    say(f"epoch {epoch} is finalized, {len(tree['leaves'])} rewards can be withdrawn")


def _wait_indexed(world: WorldFile, epoch: int) -> None:
    _wait_for(
        world,
        f"all services to have followed the chain into epoch {epoch}",
        lambda s: (
            s["indexedEpoch"] == s["blockchainEpoch"] == epoch
            and s["indexedHeight"] == s["blockchainHeight"]
        ),
    )


def _wait_for(world: WorldFile, what: str, reached: Callable[[dict[str, Any]], bool]) -> None:
    """Until /info/sync-status satisfies `reached`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            status, body = gateway.get(f"{world.gateway.url}/info/sync-status")
            if status == 200 and reached(body):
                return
            seen = f"sync status {status}: {body}"
        except OSError as error:
            seen = f"the gateway does not answer: {error}"
        if time.monotonic() > deadline:
            raise Stuck(f"waited {PATIENCE:g} s for {what}; {seen}; {_not_ready(world)}")
        time.sleep(0.05)


def _not_ready(world: WorldFile) -> str:
    reasons = {s.name: reason_not_ready(s.operations_url) for s in world.services}
    waiting = [f"{name}: {reason}" for name, reason in reasons.items() if reason is not None]
    return "not ready: " + " | ".join(waiting) if waiting else "every service says it is ready"
