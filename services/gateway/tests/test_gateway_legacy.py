"""The older API's prefix: known paths under it, and nothing else."""

import pytest
from octant_contracts import calls
from octant_contracts.calls import Budget, ClaimableGlm, ClaimGlm, Nothing, UserAllocations
from octant_contracts.values import Address, Wei
from octant_gateway.edge import requests_seconds

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
USER = Address.parse(ALICE)


async def test_known_path__under_the_prefix__is_answered_like_without(world) -> None:
    world.services.on(calls.USER_BUDGET, Budget(Wei(5)))
    world.services.on(
        calls.USER_ALLOCATIONS, UserAllocations(allocations=[], is_manually_edited=None)
    )
    world.services.on(calls.CURRENT_EPOCH, calls.CurrentEpoch(current_epoch=7))
    for path in (
        f"/rewards/budget/{ALICE}/epoch/3",
        f"/allocations/user/{ALICE.lower()}/epoch/3",
        "/epochs/current",
        "/epochs/info/abc",
        f"/history/{ALICE}?limit=0",
    ):
        legacy, plain = await world.get("/flask" + path), await world.get(path)
        assert (legacy.status_code, legacy.content) == (plain.status_code, plain.content)
        assert legacy.headers["x-request-id"]
        assert legacy.headers["access-control-allow-origin"] == "*"
        assert plain.status_code != 404


async def test_glm__under_the_prefix__is_glms(world) -> None:
    world.services.on(calls.CLAIM_GLM, Nothing())
    world.services.on(calls.CLAIMABLE_GLM, ClaimableGlm(USER, Wei(0)))
    for name in ("glm", "glms"):
        claim = await world.client.post(f"/flask/{name}/claim", json={"signature": "0xab"})
        assert (claim.status_code, claim.content) == (201, b"null")
        check = await world.get(f"/flask/{name}/claim/{ALICE}/check")
        assert (check.status_code, check.json()) == (200, {"address": ALICE, "claimable": "0"})
    assert world.services.requests(calls.CLAIM_GLM) == [ClaimGlm("0xab")] * 2
    assert (await world.client.post("/glm/claim", json={"signature": "0xab"})).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/flask",
        "/flask/",
        "/flask/openapi.json",
        "/flask/swagger-ui/swagger-ui.css",
        "/flask/validators/active/summary",
        "/flask/nope",
        "/flask/flask/epochs/current",
        "/flask//epochs/current",
        "/flasks/epochs/current",
        "/flaskepochs/current",
        "/flask/epochs/current/more",
        "/flask/epochs/info/",
        "/flask/glm",
        "/flask/epochs%2Fnope",
        "/FLASK/epochs/current",
        "/v1/flask/epochs/current",
    ],
)
async def test_anything_else__under_the_prefix__is_not_found(world, path) -> None:
    status, answer = await world.raw(
        f"GET {path} HTTP/1.1\r\nHost: octant\r\nConnection: close\r\n\r\n".encode()
    )
    assert status == 404
    assert answer.endswith(b'{"detail":"Not Found"}')
    assert world.services.asked == []


async def test_method_or_slash__under_the_prefix__is_told_as_without(world) -> None:
    response = await world.client.post("/flask/epochs/current")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    response = await world.get("/flask/epochs/info/3/?x=1")
    assert (response.status_code, response.headers["location"]) == (307, "/epochs/info/3?x=1")
    odd = await world.get("/flask/user/%2F%2Fevil.example/patron-mode/")
    assert odd.status_code == 404
    preflight = await world.client.options(
        "/flask/glm/claim", headers={"Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 204


async def test_known_path__under_the_prefix__is_counted_as_its_route(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, calls.CurrentEpoch(current_epoch=7))

    def counted() -> float:
        labels = {"method": "GET", "path": "/epochs/current", "status": "200"}
        return sum(
            sample.value
            for metric in requests_seconds.collect()
            for sample in metric.samples
            if sample.name.endswith("_count") and sample.labels == labels
        )

    before = counted()
    await world.get("/flask/epochs/current")
    assert counted() == before + 1
