"""Replay of vector files: each case is computed by the public functions and compared exactly.

`python -m octant_protocol.replay FILE…` prints every difference and ends with the counts.
"""
