"""The live feed at /feed: what changes, told to everybody who subscribes (`docs/feed.md`)."""
