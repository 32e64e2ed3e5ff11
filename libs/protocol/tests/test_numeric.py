"""Each operation equals Python's decimal at 28 digits, half to even, whoever calls."""

import operator
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    localcontext,
)
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol import numeric

numbers = st.one_of(
    st.integers(-(10**45), 10**45).map(Decimal),
    st.decimals(allow_nan=False, allow_infinity=False, places=30, min_value=-(10**9)),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e40, max_value=1e40).map(Decimal),
)
hostile = st.builds(
    Context,
    prec=st.integers(1, 60),
    rounding=st.sampled_from([ROUND_DOWN, ROUND_CEILING]),
    Emax=st.integers(40, 90),
    Emin=st.just(-40),
    traps=st.just([]),
)
PAIRS = [
    (numeric.add, operator.add),
    (numeric.subtract, operator.sub),
    (numeric.multiply, operator.mul),
    (numeric.divide, operator.truediv),
]


def half_even(exact: Fraction) -> Decimal:
    """The 28-digit decimal nearest to a fraction, found with whole numbers alone."""
    if exact == 0:
        return Decimal(0)
    exponent = 0
    while abs(exact) >= 10**28:
        exact, exponent = exact / 10, exponent + 1
    while abs(exact) < 10**27:
        exact, exponent = exact * 10, exponent - 1
    return Decimal(round(exact)).scaleb(exponent, Context(prec=40))


@pytest.mark.parametrize(("ours", "python"), PAIRS)
@given(left=numbers, right=numbers, ambient=hostile)
def test_operations__any_numbers_and_ambient_context__equal_the_default_context(
    ours: Callable[[Decimal, Decimal], Decimal],
    python: Callable[[Decimal, Decimal], Decimal],
    left: Decimal,
    right: Decimal,
    ambient: Context,
) -> None:
    if ours is numeric.divide and right == 0:
        right = Decimal(7)
    with localcontext(Context(prec=28, rounding=ROUND_HALF_EVEN)):
        expected = python(left, right)
    with localcontext(ambient):
        got = ours(left, right)

    assert str(got) == str(expected)  # digits and exponent, not the value alone
    exact = python(Fraction(left), Fraction(right))
    assert got == half_even(exact)


@given(value=numbers, ambient=hostile)
def test_root_square_and_magnitude__any_number__equal_the_default_context(
    value: Decimal, ambient: Context
) -> None:
    with localcontext(Context(prec=28, rounding=ROUND_HALF_EVEN)):
        size, square, root = abs(value), value**2, abs(value).sqrt()
    with localcontext(ambient):
        assert str(numeric.magnitude(value)) == str(size)
        assert str(numeric.square(value)) == str(square)
        assert str(numeric.square_root(size)) == str(root)


@given(left=st.integers(-(10**40), 10**40), right=st.integers(1, 10**40))
def test_operations__whole_numbers__are_taken_exactly_and_rounded_once(
    left: int, right: int
) -> None:
    assert numeric.divide(left, right) == half_even(Fraction(left, right))
    assert numeric.multiply(Decimal(left), right) == half_even(Fraction(left * right))
    assert numeric.add(Decimal(left), right) == half_even(Fraction(left + right))


@pytest.mark.parametrize(
    ("last", "rounded"), [("05", "0"), ("15", "2"), ("25", "2"), ("051", "1"), ("049", "0")]
)
def test_add__a_tie__goes_to_the_even_digit(last: str, rounded: str) -> None:
    twenty_seven = "1" * 27

    total = numeric.add(Decimal(f"{twenty_seven}{last[0]}.{last[1:]}"), Decimal(0))

    assert total == Decimal(twenty_seven + rounded)


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        (lambda: numeric.divide(Decimal(1), Decimal(0)), DivisionByZero),
        (lambda: numeric.divide(Decimal(0), Decimal(0)), InvalidOperation),
        (lambda: numeric.square_root(Decimal(-1)), InvalidOperation),
    ],
)
def test_operations__no_answer__raise_instead_of_going_on(
    operation: Callable[[], Decimal], problem: type[Exception]
) -> None:
    with localcontext(Context(traps=[])), pytest.raises(problem):
        operation()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("4E-7", "0.0000004"),
        ("1.50", "1.50"),
        ("1E+3", "1000"),
        ("-2E-10", "-0.0000000002"),
        ("0", "0"),
    ],
)
def test_plain_text__any_exponent__is_written_out(value: str, text: str) -> None:
    assert numeric.plain_text(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.07, "0.07"),
        (1.0, "1.0"),
        (123.5, "123.5"),
        (0.00001, "0.00001"),
        (1.2345678901234568e16, "12345678901234568"),
        (1e16, "1E+16"),
        (1e-7, "1E-7"),
        (0.0, "0.0"),
    ],
)
def test_double_text__documented_forms__match(value: float, text: str) -> None:
    assert numeric.double_text(value) == text


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_double_text__any_double__is_the_shortest_text_that_reads_back(value: float) -> None:
    text = numeric.double_text(value)

    assert float(text) == value
    assert Decimal(text).normalize() == Decimal(repr(value)).normalize()


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    exponent=st.integers(0, 30),
    ambient=hostile,
)
def test_scaled_integer__any_double__is_the_exact_product_truncated(
    value: float, exponent: int, ambient: Context
) -> None:
    exact = Fraction(repr(value)) * 10**exponent
    with localcontext(ambient):
        assert numeric.scaled_integer(value, exponent) == int(exact)


@given(amount=st.integers(-(10**24), 10**24))
def test_half_as_double__any_amount__loses_what_a_double_loses(amount: int) -> None:
    half = numeric.half_as_double(amount)

    assert half == int(float(Fraction(amount, 2)))
    if abs(amount) < 2**53:
        assert half == int(Fraction(amount, 2))


@given(dividend=st.integers(0, 10**26), divisor=st.integers(0, 1000))
def test_double_quotient__any_numbers__is_the_nearest_double_truncated(
    dividend: int, divisor: int
) -> None:
    quotient = numeric.double_quotient(dividend, divisor)

    assert quotient == (int(float(Fraction(dividend, divisor))) if divisor else 0)
