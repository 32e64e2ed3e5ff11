"""Parameters of path and query: accepted forms, and what is wrong with others."""

from octant_contracts import calls
from octant_contracts.values import Address

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
NOT_AN_INTEGER = "Input should be a valid integer, unable to parse string as an integer"


def fault(kind: str, loc: list, msg: str, given: object, **ctx: object) -> dict:
    item = {"type": kind, "loc": loc, "msg": msg, "input": given}
    return {**item, "ctx": ctx} if ctx else item


def bad_address(loc: list, text: str) -> dict:
    return fault(
        "value_error",
        loc,
        f"Value error, Unknown format '{text}', attempted to normalize to '{text}'",
        text,
        error={},
    )


PATHS = [
    ("/epochs/info/abc", [fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "abc")]),
    ("/epochs/info/1.5", [fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "1.5")]),
    ("/epochs/info/0x1", [fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "0x1")]),
    (
        "/epochs/info/2147483648",
        [
            fault(
                "less_than_equal",
                ["path", "epoch_number"],
                "Input should be less than or equal to 2147483647",
                "2147483648",
                le=2147483647,
            )
        ],
    ),
    (
        "/epochs/info/-2147483649",
        [
            fault(
                "greater_than_equal",
                ["path", "epoch_number"],
                "Input should be greater than or equal to -2147483648",
                "-2147483649",
                ge=-2147483648,
            )
        ],
    ),
    (
        "/snapshots/status/x",
        [fault("int_parsing", ["path", "epoch"], NOT_AN_INTEGER, "x")],
    ),
    ("/user/0x12/patron-mode", [bad_address(["path", "user_address"], "0x12")]),
    (
        "/withdrawals/xyz",
        [
            fault(
                "value_error",
                ["path", "user_address"],
                "Value error, when sending a str, it must be a hex string. Got: 'xyz'",
                "xyz",
                error={},
            )
        ],
    ),
    (
        "/allocations/project/0x12/epoch/x",
        [
            bad_address(["path", "project_address"], "0x12"),
            fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "x"),
        ],
    ),
    (
        "/allocations/donors/abc",
        [fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "abc")],
    ),
    (
        "/epochs/rewards-rate/1.5",
        [fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "1.5")],
    ),
    (
        "/deposits/users/0x12/abc",
        [
            bad_address(["path", "user_address"], "0x12"),
            fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "abc"),
        ],
    ),
    (
        "/allocations/epoch/a?includeZeroAllocations=maybe",
        [
            fault("int_parsing", ["path", "epoch_number"], NOT_AN_INTEGER, "a"),
            fault(
                "bool_parsing",
                ["query", "includeZeroAllocations"],
                "Input should be a valid boolean, unable to interpret input",
                "maybe",
            ),
        ],
    ),
]


async def test_path_or_query__that_does_not_fit__lists_every_fault(world) -> None:
    for path, faults in PATHS:
        response = await world.get(path)
        assert response.status_code == 422, path
        assert response.json() == {"detail": faults}, path
    assert world.services.asked == []


async def test_path_integers__in_every_accepted_form__reach_the_service(world) -> None:
    world.services.on(calls.LEVERAGE, calls.Leverage(0.0))
    forms = ["1", "1.0", "+1", "01", "-1", "2147483647", "-2147483648", "%201%20"]
    for form in forms:
        assert (await world.get(f"/rewards/leverage/{form}")).status_code == 200, form
    asked = [request.epoch for request in world.services.requests(calls.LEVERAGE)]
    assert asked == [1, 1, 1, 1, -1, 2147483647, -2147483648, 1]


async def test_addresses__in_every_accepted_form__are_the_same_user(world) -> None:
    world.services.on(calls.PATRON_MODE, calls.PatronMode(False))
    for form in (ALICE, ALICE.lower(), ALICE[2:], "0X" + ALICE[2:].upper(), ALICE.swapcase()):
        assert (await world.get(f"/user/{form}/patron-mode")).status_code == 200, form
    asked = {request.user for request in world.services.requests(calls.PATRON_MODE)}
    assert asked == {Address.parse(ALICE)}


async def test_booleans__in_every_accepted_form__are_understood(world) -> None:
    answer = calls.EpochAllocations(allocations=[], next_cursor=None, as_of=0)
    world.services.on(calls.EPOCH_ALLOCATIONS, answer)
    forms = {"true": True, "1": True, "yes": True, "on": True, "t": True, "Y": True}
    forms |= {"false": False, "0": False, "no": False, "off": False, "f": False, "N": False}
    for form in forms:
        path = f"/allocations/epoch/1?includeZeroAllocations={form}&unknown=1"
        assert (await world.get(path)).status_code == 200
    asked = [r.include_zero_allocations for r in world.services.requests(calls.EPOCH_ALLOCATIONS)]
    assert asked == list(forms.values())
