"""One epoch from its first day to its merkle tree, with every answer written down on the way.

The walk stops in each state an epoch can be in and asks every operation about the epoch, the
one before and a far one; tests then look at what was answered.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
from octant_devnet import contracts, people, seed, travel
from octant_devnet.people import Person
from octant_devnet.world import World
from octant_protocol.address import parse_address
from octant_protocol.pending import PendingSnapshot

from e2e import expected
from e2e.client import Gateway, allocation_body

GLM = 10**18
DURATION, WINDOW = 7_776_000, 1_209_600
STATES = ("current", "awaiting snapshot", "pending", "finalizing", "finalized")
FUTURE = 5
ESTIMATE_BODY = {"numberOfEpochs": 2, "glmAmount": str(1_000 * GLM)}
DAYS_BODY = {"days": 100, "glmAmount": str(1_000 * GLM)}


@dataclass
class Answer:
    status: int
    text: str
    json: Any


@dataclass
class Moment:
    """What was answered in one state, by "METHOD path", and what the chain said then."""

    now: int
    proceeds: int
    locked: int
    answers: dict[str, Answer] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        return self.answers[f"GET {path}"]

    def body(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return answer.json


class Walk:
    """Alice and Bob give, Carol is a patron, Dave sleeps, Erin keeps all, Finn has too little."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world, self.gateway = world, gateway
        self.chain, self.deployment = world.chain, world.deployment
        self.people = [people.person(i, "states") for i in range(6)]
        self.alice, self.bob, self.carol, self.dave, self.erin, self.finn = self.people
        self.projects = seed.seeded_projects()
        self.accepted = expected.AcceptedAllocations()
        self.moments: dict[str, Moment] = {}
        self.snapshot: PendingSnapshot | None = None
        self.again: dict[str, Answer] = {}
        """What taking a snapshot answered when it was there already."""
        self.plan = [(self.projects[2].address, 700), (self.projects[3].address, 0)]

    def run(self) -> "Walk":
        amounts = [a * GLM for a in (5_000, 20_000, 1_000, 3_000, 150, 99)]
        people.fund_people(self.chain, self.deployment, self.people, [2 * a for a in amounts])
        self.chain.travel_to(self.chain.now() + DURATION // 4)
        people.lock_many(self.chain, self.deployment, list(zip(self.people, amounts, strict=True)))
        self.chain.travel_to(self.chain.now() + DURATION // 4)
        self.record("current")
        travel.to_next_epoch(self.chain, self.deployment, seconds_in=60)
        self.record("awaiting snapshot")
        self.take("pending")
        self.allocate()
        self.record("pending")
        travel.close_window(self.chain, self.deployment)
        self.record("finalizing")
        self.take("finalized")
        self.record("finalized")
        return self

    def allocate(self) -> None:
        self.snapshot = expected.pending(
            self.chain, self.deployment, 1, self.chain.balance(self.deployment.withdrawals_target)
        )
        first, second = self.projects[0].address, self.projects[1].address
        self.trust(self.bob)
        self.give(self.alice, [(first, 10**15), (second, 0)])
        self.give(self.erin, [(second, 0)])
        self.give(self.bob, [(second, 3 * 10**15)])
        self.give(self.alice, [(second, 10**14), (first, 2 * 10**15 + 7)])
        self.gateway.set_patron_mode(self.carol, True)
        self.accepted.patrons.add(parse_address(self.carol.address))

    def give(self, person: Person, items: list[tuple[str, int]]) -> None:
        self.gateway.allocate(person, items)
        self.accepted.accept(
            parse_address(person.address), [(parse_address(p), amount) for p, amount in items]
        )

    def trust(self, person: Person) -> None:
        body = {
            "epoch": 1, "user": person.address, "score": "1.0",
            "who": "operator", "why": "known to be one person",
        }  # fmt: skip
        url = self.world.operations_url("allocations")
        assert httpx.post(f"{url}/uniqueness-quotients", json=body).is_success
        self.accepted.uq[parse_address(person.address)] = Decimal("1.0")

    def take(self, kind: str) -> None:
        """Both answers of the operation: taken, then nothing to do."""
        assert self.gateway.take_snapshot(kind) == 201
        self.ask("POST", f"/snapshots/{kind}", None, kind)

    def record(self, state: str) -> None:
        self.gateway.wait_synced(self.chain.height())
        self.moments[state] = Moment(
            now=self.chain.now(),
            proceeds=self.chain.balance(self.deployment.withdrawals_target),
            locked=contracts.balance_of(self.chain, self.deployment.glm, self.deployment.deposits),
        )
        for path in self.paths():
            self.ask("GET", path, None, state)
        for path, body in self.posts():
            self.ask("POST", path, body, state)

    def paths(self) -> list[str]:
        alice, finn, project = self.alice.address, self.finn.address, self.projects[1].address
        of_epoch = [
            path.format(n=n)
            for n in (-1, 0, 1, 2, FUTURE)
            for path in (
                "/epochs/info/{n}", "/epochs/rewards-rate/{n}",
                "/deposits/{n}/total_effective", "/deposits/{n}/locked_ratio",
                f"/deposits/users/{alice}/{{n}}",
                f"/rewards/budget/{alice}/epoch/{{n}}", f"/rewards/budget/{finn}/epoch/{{n}}",
                "/rewards/budgets/epoch/{n}", "/rewards/leverage/{n}", "/rewards/merkle_tree/{n}",
                "/rewards/projects/epoch/{n}", "/rewards/threshold/{n}", "/rewards/unused/{n}",
                "/snapshots/status/{n}",
                "/allocations/donors/{n}", "/allocations/epoch/{n}",
                "/allocations/epoch/{n}?includeZeroAllocations=true",
                f"/allocations/project/{project}/epoch/{{n}}",
                f"/allocations/user/{alice}/epoch/{{n}}",
            )
        ]  # fmt: skip
        return [
            *of_epoch,
            "/epochs/current", "/epochs/indexed",
            "/deposits/total_effective/estimated",
            f"/deposits/users/{alice}/estimated_effective_deposit",
            f"/rewards/budget/{alice}/upcoming", f"/rewards/budget/{finn}/upcoming",
            "/rewards/projects/estimated",
            "/snapshots/pending/simulate", "/snapshots/finalized/simulate",
            f"/allocations/users/{alice}/allocation_nonce",
            *(f"/withdrawals/{who.address}" for who in (self.alice, self.carol, self.dave)),
            f"/withdrawals/{project}",
        ]  # fmt: skip

    def posts(self) -> list[tuple[str, Any]]:
        plan = {"allocations": [{"proposalAddress": p, "amount": str(a)} for p, a in self.plan]}
        return [
            ("/rewards/estimated_budget", ESTIMATE_BODY),
            ("/rewards/estimated_budget/by_days", DAYS_BODY),
            (f"/allocations/leverage/{self.dave.address}", plan),
            (f"/allocations/leverage/{self.alice.address}", plan),
            ("/allocations/allocate", allocation_body(self.finn, self.plan, 0)),
        ]

    def ask(self, method: str, path: str, body: Any, state: str) -> None:
        response = self.gateway.http.request(method, path, json=body)
        known = response.json() if response.content else None
        answer = Answer(response.status_code, response.text, known)
        if method == "POST" and path.startswith("/snapshots/"):
            self.again[state] = answer
        else:
            self.moments[state].answers[f"{method} {path}"] = answer
