"""Nothing a client sends causes a 500, and what it is told is always valid JSON."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from octant_contracts import calls
from octant_contracts.calls import Nothing, Window
from octant_contracts.errors import Refusal
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.parameters import NoParameters

ADDRESS = "0xB32398833CF0A132a22104D8746a027A34A47269"
QUERY = ("includeZeroAllocations", "cursor", "limit", "epochs", "searchPhrases")
HUGE = "an integer of thousands of digits"
FUZZ = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

numbers = st.one_of(
    st.integers(), st.floats(), st.integers(min_value=2**250, max_value=2**260), st.just(HUGE)
)
scalars = st.one_of(
    st.none(), st.booleans(), numbers, st.text(), st.just(ADDRESS), st.just("\ud800")
)
KEYS = (
    "payload allocations proposalAddress project_address amount nonce userAddress signature "
    "isManuallyEdited is_manually_edited"
)
keys = st.sampled_from(KEYS.split())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)
near_bodies = st.fixed_dictionaries(
    {
        "payload": st.fixed_dictionaries(
            {
                "allocations": st.lists(
                    st.fixed_dictionaries(
                        {"proposalAddress": st.just(ADDRESS) | scalars, "amount": scalars}
                    ),
                    max_size=3,
                ),
                "nonce": scalars,
            }
        )
        | values,
        "userAddress": st.just(ADDRESS) | scalars,
        "signature": scalars,
        "isManuallyEdited": st.booleans() | scalars,
    }
)


def _dump(value: object) -> bytes:
    return json.dumps(value).encode().replace(b'"%s"' % HUGE.encode(), b"9" * 4500)


def all_answer(world) -> None:
    for call in calls.CALLS:
        world.services.on(call, Refusal("InvalidEpoch"))
    world.services.on(calls.ALLOCATION_WINDOW, Window(pending_epoch=1))
    world.services.on(calls.ALLOCATE, Nothing())


@FUZZ
@given(data=st.one_of(st.binary(max_size=200), (values | near_bodies).map(_dump)))
async def test_any_body__gets_an_answer_below_500(world, data) -> None:
    all_answer(world)
    for method, path in (
        ("POST", "/allocations/allocate"),
        ("PATCH", f"/user/{ADDRESS}/patron-mode"),
        ("POST", "/glms/claim"),
    ):
        response = await world.client.request(method, path, content=data)
        assert response.status_code in (201, 400, 422), response.text
        json.loads(response.content)


@FUZZ
@given(
    operation=st.sampled_from(
        [o for o in CATALOGUE if "{" in o.path or o.parameters is not NoParameters]
    ),
    prefix=st.sampled_from(["", "/flask"]),
    data=st.data(),
)
async def test_any_path__gets_an_answer_below_500(world, operation, prefix, data) -> None:
    all_answer(world)
    segments = st.binary(min_size=1, max_size=60) | st.text(min_size=1, max_size=30).map(
        lambda text: text.encode(errors="replace")
    )
    path = "/".join(
        "".join(f"%{byte:02X}" for byte in data.draw(segments)) if part.startswith("{") else part
        for part in operation.path.split("/")
    )
    query = "".join(f"%{byte:02X}" for byte in data.draw(st.binary(max_size=20)))
    named = "&".join(f"{name}={query}" for name in QUERY)
    status, _ = await world.raw(
        f"{operation.method} {prefix}{path}?{named}&{query}={query} HTTP/1.1\r\n"
        "Host: octant\r\nConnection: close\r\n\r\n".encode()
    )
    assert status < 500


@FUZZ
@given(
    target=st.binary(min_size=0, max_size=40),
    method=st.sampled_from([b"GET", b"POST", b"OPTIONS", b"HEAD", b"DELETE", b"BREW"]),
    header=st.text(
        st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
    ),
)
async def test_any_request_line__gets_an_answer_below_500(world, target, method, header) -> None:
    all_answer(world)
    path = b"/" + b"".join(
        bytes([b]) if 33 <= b <= 126 and b not in b"#" else b"%%%02X" % b for b in target
    )
    status, _ = await world.raw(
        method
        + b" "
        + path
        + b" HTTP/1.1\r\nHost: octant\r\nConnection: close\r\nX-Request-Id: "
        + header.strip().encode("latin-1")
        + b"\r\n\r\n"
    )
    assert status < 500
