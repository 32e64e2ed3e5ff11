"""The search for projects: what is asked of it, and what it refuses."""

import pytest
from octant_contracts import calls
from octant_contracts.calls import FoundProjects, ProjectDetails, ProjectDetailsRequest
from octant_contracts.values import Address

A = "0xB32398833CF0A132a22104D8746a027A34A47269"
OPERATION = "GET /projects/details"
INVALID = {"message": "Invalid input for projects details"}


def found(*names: str, next_cursor: int | None = None) -> FoundProjects:
    rows = [ProjectDetails(name=n, address=Address.parse(A), epoch="3") for n in names]
    return FoundProjects(projects_details=rows, next_cursor=next_cursor)


@pytest.mark.parametrize(
    ("query", "epochs", "phrases"),
    [
        ("epochs=1&searchPhrases=", [1], [""]),
        ("epochs=1", [1], [""]),
        ("epochs=2,1&searchPhrases=alpha", [2, 1], ["alpha"]),
        ("epochs=1&searchPhrases=beta,ALP", [1], ["beta", "ALP"]),
        ("epochs=1&searchPhrases=foo,", [1], ["foo", ""]),
        ("epochs=1&searchPhrases=al pha", [1], ["al pha"]),
        ("epochs=1,1&searchPhrases=a,a", [1], ["a"]),
        ("epochs=%201%20,2%20&searchPhrases=a", [1, 2], ["a"]),
        ("epochs=-1,0,999", [-1, 0, 999], [""]),
        ("epochs=%2B2147483647,-2147483648", [2147483647, -2147483648], [""]),
        ("epochs=5&epochs=1%2C2&searchPhrases=%C3%84%00", [1, 2], ["Ä\0"]),
    ],
)
async def test_details__asked_for__reach_the_search_as_lists(world, query, epochs, phrases) -> None:
    world.services.on(calls.PROJECT_DETAILS, found("Alpha"))
    response = await world.get(f"/projects/details?{query}")
    assert response.status_code == 200
    assert response.json() == {"projectsDetails": [{"name": "Alpha", "address": A, "epoch": "3"}]}
    (asked,) = world.services.requests(calls.PROJECT_DETAILS)
    assert asked == ProjectDetailsRequest(epochs=epochs, phrases=phrases, cursor=0)


@pytest.mark.proves(OPERATION, "InvalidProjectDetailsInput")
@pytest.mark.parametrize(
    "epochs",
    ["", "a", "1,", "1,,2", ",", "1.5", "0x1", "e1", "1 2", "2147483648", "-2147483649",
     "9" * 5000, ",".join(str(n) for n in range(1001))],
    ids=lambda text: text[:12],
)  # fmt: skip
async def test_details__of_epochs_that_are_none__are_refused(world, epochs) -> None:
    response = await world.get(f"/projects/details?epochs={epochs}&searchPhrases=")
    assert (response.status_code, response.json()) == (400, INVALID)
    assert world.services.asked == []


async def test_details__of_as_many_epochs_and_phrases_as_allowed__are_found(world) -> None:
    world.services.on(calls.PROJECT_DETAILS, found())
    thousand = ",".join(str(n) for n in range(1000))
    for query in (
        f"epochs={thousand},{thousand}&searchPhrases={thousand}",
        "epochs=1&searchPhrases=" + "," * 5000,
    ):
        response = await world.get(f"/projects/details?{query}")
        assert (response.status_code, response.json()) == (200, {"projectsDetails": []})
    too_many = await world.get(f"/projects/details?epochs=1&searchPhrases={thousand},x")
    assert (too_many.status_code, too_many.json()) == (400, INVALID)


async def test_details__without_epochs__are_a_fault(world) -> None:
    for query in ("", "?searchPhrases=a", "?Epochs=1"):
        response = await world.get(f"/projects/details{query}")
        assert response.status_code == 422
        assert response.json() == {
            "detail": [
                {
                    "type": "missing",
                    "loc": ["query", "epochs"],
                    "msg": "Field required",
                    "input": None,
                }
            ]
        }


@pytest.mark.proves(OPERATION)
async def test_details__of_several_pages__are_joined(world) -> None:
    pages = {0: found("A", "B", next_cursor=2), 2: found("C")}
    world.services.on(calls.PROJECT_DETAILS, lambda request: pages[request.cursor])
    told = (await world.get("/projects/details?epochs=3&searchPhrases=")).json()
    assert [row["name"] for row in told["projectsDetails"]] == ["A", "B", "C"]
    assert list(told) == ["projectsDetails"]
