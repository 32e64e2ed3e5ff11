"""How often an address may ask, and who it is."""

from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from octant_chassis.calls import Written
from octant_chassis.settings import InvalidSettings, load
from octant_contracts import calls
from octant_contracts.calls import CurrentEpoch, Nothing, PatronMode
from octant_contracts.errors import Refusal
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.limits import rates
from octant_gateway.limits.addresses import PRIVATE, Proxies
from octant_gateway.limits.rates import CALCULATIONS, Rate, network_of
from octant_gateway.settings import GatewaySettings

from .realtime_world import body, pushing
from .user_cases import ALICE, PENDING, TOS

NOBODY = Proxies("")
POLL = "/socket.io/?EIO=4&transport=polling"
TOO_MANY = {"message": "Too many requests from your address; try again in 20 seconds."}


def of(ip: str) -> dict[str, str]:
    return {"X-Real-IP": ip}


def told(response) -> tuple[int, ...]:
    return tuple(
        int(response.headers[f"ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
    )


async def test_reads__of_one_address__are_counted_down_refused_and_granted_again(
    gateway_with,
) -> None:
    async with gateway_with(rate_limit_reads=3) as world:
        world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))

        async def ask(ip: str = "192.0.2.1"):
            return await world.get("/epochs/current", headers=of(ip))

        # Three a minute: one more every 20 seconds.
        for remaining, reset in ((2, 20), (1, 40), (0, 60)):
            response = await ask()
            assert (response.status_code, told(response)) == (200, (3, remaining, reset))
            assert "RateLimit-Remaining" in response.headers["access-control-expose-headers"]
        for _ in range(2):  # a refused one costs nothing
            response = await ask()
            assert (response.status_code, response.json()) == (429, TOO_MANY)
            assert response.headers["retry-after"] == "20"
            assert told(response) == (3, 0, 20)
            assert response.headers["access-control-allow-origin"] == "*"
        assert len(world.services.asked) == 3
        assert (await ask("192.0.2.2")).status_code == 200
        world.now += 19.9
        assert (await ask()).status_code == 429
        world.now += 0.2
        assert (await ask()).status_code == 200
        assert (await ask()).status_code == 429


async def test_writes__and_reads__have_budgets_of_their_own(gateway_with) -> None:
    async with gateway_with(rate_limit_reads=2, rate_limit_writes=1) as world:
        world.services.on(calls.SET_PATRON_MODE, PatronMode(True))
        world.services.on(calls.PATRON_MODE, PatronMode(True))
        path, body = f"/user/{ALICE}/patron-mode", {"signature": "0x"}
        assert (await world.client.patch(path, json=body)).status_code == 200
        assert (await world.client.patch(path, json=body)).status_code == 429
        assert (await world.get(path)).status_code == 200
        calculation = await world.client.post("/rewards/estimated_budget", json={})
        assert (calculation.status_code, told(calculation)[:2]) == (422, (2, 0))
        assert (await world.get(path)).status_code == 429
        for _ in range(5):
            preflight = {"Origin": "https://a", "Access-Control-Request-Method": "GET"}
            assert (await world.client.options(path, headers=preflight)).status_code == 204
            health = await world.get("/info/healthcheck")
            assert health.status_code != 429
            assert "ratelimit-limit" not in health.headers


async def test_allocation__over_a_socket__counts_among_the_writes_of_its_address(
    gateway_with,
) -> None:
    async with gateway_with(rate_limit_writes=1) as world, pushing(world) as live:
        world.services.on(calls.ALLOCATE, Written(Nothing(), (41,)))
        client = await live.greeted()
        assert await client.emit("allocate", body()) == []
        message = "Too many requests from your address; try again in 60 seconds."
        error = {"error": {"message": message, "code": 429}}
        assert await client.emit("allocate", body(1)) == [error]
        assert (await world.client.post("/allocations/allocate", json=body())).status_code == 429
        assert len(world.services.requests(calls.ALLOCATE)) == 1


async def test_limit_of_0__is_none(gateway_with) -> None:
    async with gateway_with(rate_limit_reads=0) as world:
        world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
        response = await world.get("/epochs/current")
        assert response.status_code == 200
        assert "ratelimit-limit" not in response.headers


def test_calculations__are_what_is_posted_without_changing_anything() -> None:
    posted = {o.path for o in CATALOGUE if o.method == "POST" and o.status == 200}
    assert posted == {o.path for o in CATALOGUE if o.path.startswith(CALCULATIONS)}


@example(per_minute=1, waits=[25.1], greedy=True)  # 0.9999999999999999 tokens after 60 s
@given(
    per_minute=st.integers(1, 300),
    waits=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
    greedy=st.booleans(),
)
@settings(deadline=None)
def test_rate__whatever_the_pauses__grants_a_burst_and_its_share_and_keeps_its_word(
    per_minute: int, waits: list[float], greedy: bool
) -> None:
    now = 0.0
    rate = Rate(per_minute, lambda: now)
    granted = 0
    for wait in waits:
        now += wait
        for _ in range(per_minute + 1 if greedy else 1):
            try:
                standing = rate.take("192.0.2.1")
            except Refusal as refusal:
                now += int(refusal.details["retry_after"])
                standing = rate.take("192.0.2.1")
            granted += 1
            assert standing is not None
            assert 0 <= standing.remaining < per_minute
        assert granted <= per_minute + now * per_minute / 60 + 0.01


def test_addresses__more_than_are_remembered__push_out_the_longest_silent(monkeypatch) -> None:
    monkeypatch.setattr(rates, "REMEMBERED", 2)
    rate = Rate(1, lambda: 0.0)
    rate.take("a")
    rate.take("b")
    with pytest.raises(Refusal):
        rate.take("a")  # asked again: `b` is silent for longer now
    rate.take("c")
    rate.take("b")
    with pytest.raises(Refusal):
        rate.take("c")
    assert len(rate._buckets) == 2


def test_network__of_an_ipv6_address__is_its_64_bits() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::6")
    assert network_of("2001:db8:1:2::5") != network_of("2001:db8:1:3::5")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("no address at all") == "no address at all"


def test_proxies__by_default__are_private_networks_and_this_machine() -> None:
    proxies = Proxies(PRIVATE)
    for text in ("127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.9.9", "fd00::1",
                 "::ffff:10.0.0.1"):  # fmt: skip
        assert ip_address(text).is_private or "ffff" in text
        assert proxies.trusts(text), text
    for text in ("192.0.2.1", "172.32.0.1", "2001:db8::1", "::ffff:192.0.2.1", "", "unix:"):
        assert not proxies.trusts(text), text


def test_proxies__in_the_environment__are_a_list_of_networks() -> None:
    settings = load(GatewaySettings, {"TRUSTED_PROXIES": "192.0.2.7, 2001:db8::/32"})
    assert settings.trusted_proxies.trusts("192.0.2.7")
    assert settings.trusted_proxies.trusts("2001:db8::1")
    assert not settings.trusted_proxies.trusts("127.0.0.1")
    assert not load(GatewaySettings, {"TRUSTED_PROXIES": ""}).trusted_proxies.trusts("127.0.0.1")
    with pytest.raises(InvalidSettings, match="trusted_proxies"):
        load(GatewaySettings, {"TRUSTED_PROXIES": "the ingress"})


async def test_real_ip__from_a_peer_that_is_not_trusted__counts_as_missing(gateway_with) -> None:
    async with gateway_with(trusted_proxies=NOBODY) as world:
        for path, body in ((TOS, {"signature": "0x"}), (f"{PENDING}/tos", {"message": "x"})):
            response = await world.client.post(path, json=body, headers=of("192.0.2.1"))
            assert response.status_code == 400
            assert response.json() == {"message": "X-Real-IP header is missing"}
    async with gateway_with(trusted_proxies=NOBODY, x_real_ip_required=False) as world:
        world.services.on(calls.REGISTER_MULTISIG, Nothing())
        response = await world.client.post(
            f"{PENDING}/tos", json={"message": "x"}, headers=of("192.0.2.1")
        )
        assert response.status_code == 201
        assert world.services.requests(calls.REGISTER_MULTISIG)[0].ip == "127.0.0.1"


async def test_clients__that_make_up_addresses__share_what_their_own_may(gateway_with) -> None:
    knobs = {"rate_limit_reads": 1, "socketio_connections_per_ip": 1}
    for proxies, second in ((NOBODY, False), (Proxies("127.0.0.0/8"), True)):
        async with gateway_with(trusted_proxies=proxies, **knobs) as world:
            world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
            statuses = [
                (await world.get(path, headers=of(ip))).status_code
                for path in ("/epochs/current", POLL)
                for ip in ("192.0.2.1", "192.0.2.2")
            ]
            assert statuses == ([200] * 4 if second else [200, 429, 200, 503])
