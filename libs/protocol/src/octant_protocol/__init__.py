"""The rules of Octant as pure functions: no I/O, no clock, no logging.

Wei are `int`, addresses are 20 `bytes`, ratios and scores are `Decimal`, times are Unix seconds.
Import from the modules (`octant_protocol.funding`, …); this package itself exports nothing.
"""
