"""Every operation tells what is wrong with its parameters and its body."""

import re
from typing import Any

import pytest
from octant_contracts import calls
from octant_contracts.calls import Window
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.operation import Operation
from parity.promises import FAULTS, can_be_faulty

NOTHING_FITS = "no-number-no-address"
FAULTY = [
    pytest.param(o, marks=pytest.mark.proves(f"{o.method} {o.path}", FAULTS), id=o.path)
    for o in CATALOGUE
    if can_be_faulty(o)
]


@pytest.mark.parametrize("operation", FAULTY)
async def test_operation__asked_with_nonsense__lists_every_fault(
    world: Any, operation: Operation
) -> None:
    world.services.on(calls.ALLOCATION_WINDOW, Window(pending_epoch=1))
    path = re.sub(r"{\w+}", NOTHING_FITS, operation.path)
    body = None if operation.body is None else [NOTHING_FITS]
    response = await world.client.request(
        operation.method, path, json=body, headers={"X-Real-IP": "192.0.2.1"}
    )
    assert response.status_code == 422, response.text
    faults = response.json()["detail"]
    wrong = {
        name
        for name, field in operation.parameters.model_fields.items()
        if field.annotation is not str and (field.is_required() or f"{{{name}}}" in operation.path)
    }
    found = {fault["loc"][1] for fault in faults if fault["loc"][0] in ("path", "query")}
    aliases = {
        field.alias or name: name for name, field in operation.parameters.model_fields.items()
    }
    assert {aliases[name] for name in found} >= wrong
    assert any(fault["loc"][0] == "body" for fault in faults) == (operation.body is not None)
    for fault in faults:
        assert fault["type"]
        assert fault["msg"]
        assert "input" in fault
    assert not [asked for asked in world.services.asked if asked.call.writes]
