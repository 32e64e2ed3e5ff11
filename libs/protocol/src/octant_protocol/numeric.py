"""Decimal arithmetic of the protocol: 28 significant digits, ROUND_HALF_EVEN.

Every operation rounds once, through a context of our own, so results never depend on the
context of the calling thread. Integer operands are taken exactly.
"""

from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)

CONTEXT = Context(
    prec=28,
    rounding=ROUND_HALF_EVEN,
    Emin=-999_999,
    Emax=999_999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[DivisionByZero, InvalidOperation, Overflow],
)

add = CONTEXT.add
subtract = CONTEXT.subtract
multiply = CONTEXT.multiply
divide = CONTEXT.divide
square_root = CONTEXT.sqrt

ZERO = Decimal(0)


def square(value: Decimal) -> Decimal:
    """`value ** 2` as the decimal power operation (one rounding)."""
    return CONTEXT.power(value, 2)


def magnitude(value: Decimal) -> Decimal:
    """Absolute value, rounded to 28 digits."""
    return CONTEXT.abs(value)


def plain_text(value: Decimal) -> str:
    """Decimal text without exponent; trailing zeros stay as they are."""
    return format(value, "f")


def double_text(value: float) -> str:
    """Shortest round-trip digits of a double as decimal text: `0.07`, `1.0`, `1E-7`."""
    return str(Decimal(repr(value)))


def scaled_integer(value: float, exponent: int) -> int:
    """Shortest round-trip text of `value`, times 10^exponent, exactly, truncated toward zero."""
    with localcontext(CONTEXT) as context:
        context.prec = 800  # covers every finite double, so the product below is exact
        return int(Decimal(repr(value)).scaleb(exponent))


def half_as_double(amount: int) -> int:
    """`amount / 2` as a double, truncated; low digits are lost above 2^53."""
    return int(amount / 2)


def double_quotient(dividend: int, divisor: int) -> int:
    """`dividend / divisor` as a double, truncated; 0 for a zero divisor."""
    return int(dividend / divisor) if divisor else 0
