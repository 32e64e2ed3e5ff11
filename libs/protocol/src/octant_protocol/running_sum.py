"""The 28-digit sum of an ordered list in which items come and go anywhere.

Every addition rounds once, so a change in the middle may change all partial sums after it.
Within one power of ten, though, what a run of items adds depends only on whether the last
digit it starts from is odd (ties go to the even digit). So runs remember both outcomes, and a
change costs its own run and one addition for each later one, to the same last digit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from decimal import Decimal

from octant_protocol.numeric import CONTEXT, ZERO, add, subtract

RUN = 256  # items; a run is split at twice as many
DIGITS = CONTEXT.prec

# (sequence, place): the order of the items.
Key = tuple[int, int]


class _Run:
    __slots__ = ("added", "keys", "values")

    def __init__(self, keys: list[Key], values: list[Decimal]) -> None:
        self.keys = keys
        self.values = values
        self.added: dict[tuple[int, bool], Decimal] = {}

    def sum_from(self, start: Decimal) -> Decimal:
        """`start` plus all values, one after the other."""
        if not start:
            return self._add_up(start)
        magnitude = start.adjusted()
        situation = (magnitude, _is_last_digit_odd(start, magnitude))
        known = self.added.get(situation)
        if known is not None:
            result = add(start, known)
            if result.adjusted() == magnitude:
                return result
        result = self._add_up(start)
        if result.adjusted() == magnitude:
            self.added[situation] = subtract(result, start)
        return result

    def _add_up(self, start: Decimal) -> Decimal:
        plus = add
        for value in self.values:
            start = plus(start, value)
        return start


def _is_last_digit_odd(number: Decimal, magnitude: int) -> bool:
    """Of the 28 digits that begin at the number's first."""
    return int(number.scaleb(DIGITS - 1 - magnitude, CONTEXT)) % 2 == 1


class RunningSum:
    """Values of at least zero by key; `total` adds them up in key order."""

    __slots__ = ("_first_keys", "_runs", "_starts")

    def __init__(self, items: Iterable[tuple[Key, Decimal]] = ()) -> None:
        """`items` in ascending key order."""
        self._runs: list[_Run] = []
        self._first_keys: list[Key] = []
        # The sums before each run, as far as they are known.
        self._starts: list[Decimal] = [ZERO]
        keys: list[Key] = []
        values: list[Decimal] = []
        for key, value in items:
            keys.append(key)
            values.append(value)
        for first in range(0, len(keys), RUN):
            run = slice(first, first + RUN)
            self._runs.append(_Run(keys[run], values[run]))
            self._first_keys.append(keys[first])

    def __len__(self) -> int:
        return sum(len(run.keys) for run in self._runs)

    @property
    def first_key(self) -> Key:
        """Of the first item; IndexError without one."""
        return self._first_keys[0]

    @property
    def total(self) -> Decimal:
        """The sum in key order, every addition rounded to 28 digits."""
        starts = self._starts
        for run in self._runs[len(starts) - 1 :]:
            starts.append(run.sum_from(starts[-1]))
        return starts[-1]

    def insert(self, key: Key, value: Decimal) -> None:
        """ValueError for a key that is there."""
        if not self._runs:
            self._runs.append(_Run([key], [value]))
            self._first_keys.append(key)
            return
        place = max(bisect_right(self._first_keys, key) - 1, 0)
        run = self._runs[place]
        index = bisect_left(run.keys, key)
        if index < len(run.keys) and run.keys[index] == key:
            raise ValueError(f"{key} is there already")
        run.keys.insert(index, key)
        run.values.insert(index, value)
        self._changed(place)
        if len(run.keys) > 2 * RUN:
            self._split(place)

    def remove(self, key: Key) -> None:
        """KeyError for a key that is not there."""
        place = bisect_right(self._first_keys, key) - 1
        run = self._runs[place] if place >= 0 else None
        index = bisect_left(run.keys, key) if run is not None else 0
        if run is None or index == len(run.keys) or run.keys[index] != key:
            raise KeyError(key)
        del run.keys[index], run.values[index]
        self._changed(place)
        if not run.keys:
            del self._runs[place], self._first_keys[place]

    def _changed(self, place: int) -> None:
        run = self._runs[place]
        run.added.clear()
        if run.keys:
            self._first_keys[place] = run.keys[0]
        del self._starts[place + 1 :]

    def _split(self, place: int) -> None:
        run = self._runs[place]
        second = _Run(run.keys[RUN:], run.values[RUN:])
        del run.keys[RUN:], run.values[RUN:]
        self._runs.insert(place + 1, second)
        self._first_keys.insert(place + 1, second.keys[0])
