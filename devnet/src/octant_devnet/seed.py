"""Who lives in a fresh world: people with GLM, most of them lock some, and projects.

Keys follow from the seed, so that everybody's devnet has the same people. Never use them on a
chain that is worth anything.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from octant_devnet import people
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_devnet.people import Person

SEED = "devnet"
PEOPLE = 20
LOCKING = 15
PROJECTS = 10
PROCEEDS_WEI = 400 * 10**18
"""What the epoch has earned: the balance of WithdrawalsTarget."""
GLM = 10**18
GIVEN_GLM = 50_000


def seeded_people(seed: str = SEED) -> list[Person]:
    return [people.person(index, seed) for index in range(PEOPLE)]


def seeded_projects(seed: str = SEED) -> list[Person]:
    return [people.project(index, seed) for index in range(PROJECTS)]


def locked_amount(index: int) -> int:
    """What person number `index` locks, in wei: 100 GLM the first, 22,500 the last, then none."""
    return 100 * GLM * (index + 1) ** 2 if index < LOCKING else 0


def populate(chain: Chain, deployment: Deployment, seed: str = SEED) -> None:
    """Give people ETH and GLM, and let them lock; a few blocks."""
    everybody = seeded_people(seed)
    people.fund_people(chain, deployment, everybody, [GIVEN_GLM * GLM] * len(everybody))
    locks = [(person, locked_amount(person.index)) for person in everybody[:LOCKING]]
    people.lock_many(chain, deployment, locks)


def write_people(path: Path, seed: str = SEED) -> None:
    """Addresses and keys of everybody, for tools and for importing into a wallet."""
    content = {
        "note": "keys of a development chain: worthless, and known to everybody",
        "people": [
            _entry(person) | {"locked": str(locked_amount(person.index))}
            for person in seeded_people(seed)
        ],
        "projects": _entries(seeded_projects(seed)),
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


def _entries(accounts: Sequence[Person]) -> list[dict[str, str]]:
    return [_entry(account) for account in accounts]


def _entry(account: Person) -> dict[str, str]:
    return {"address": account.address, "key": account.key}
