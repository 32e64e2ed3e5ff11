"""Whatever fits or does not fit the OpenAPI document: no server error, and every answer is one
the document describes."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from e2e.client import Gateway
from e2e.states import DURATION, WINDOW, Walk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from octant_contracts.errors import ERRORS
from octant_devnet import travel
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.openapi import document
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.timeout(300)]

EXAMPLES = 15
CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# States that clients know by a 500 of this text; everything else is our fault.
KNOWN = {
    spec.text
    for spec in ERRORS.values()
    if spec.status == 500 and spec is not ERRORS["InternalError"]
}


@pytest.fixture(scope="module")
def gateway(run_folder: Path) -> Iterator[Gateway]:
    """One epoch is finalized, the window on the next is open."""
    options = WorldOptions(
        ports=random_ports(),
        snapshots="manual",
        epoch_duration=DURATION,
        decision_window=WINDOW,
        durable=False,
        forked=True,
        people=False,
    )
    with World(run_folder / "fuzz", options) as world:
        world.wait_ready(90)
        gateway = Gateway(world.gateway_url)
        walk = Walk(world, gateway).run()
        travel.to_next_epoch(walk.chain, walk.deployment, seconds_in=60)
        assert gateway.take_snapshot("pending") == 201
        yield gateway
        gateway.close()


SCHEMA = schemathesis.openapi.from_dict(document(CATALOGUE))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CASES = [
    pytest.param(operation, mode, id=f"{operation.label} {mode.value}")
    for operation in OPERATIONS
    for mode in GenerationMode
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_requests__of_every_kind__get_an_answer_that_is_described(
    gateway: Gateway, operation: Any, mode: GenerationMode
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        response = case.call(
            base_url=str(gateway.http.base_url), headers={"X-Real-IP": "192.0.2.1"}
        )
        if response.status_code == 500:
            body = response.json()
            assert body.get("message") in KNOWN or "blockchain" in body, response.text
        case.validate_response(response, checks=CHECKS)

    # Where nothing can be wrong there is nothing to try.
    with suppress(Unsatisfiable):
        ask()
