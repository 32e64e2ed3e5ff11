"""Octant's client: `rest` is the HTTP API as docs/openapi.json describes it, `feed` the live feed.

`rest` is generated: `make clients`.
"""
