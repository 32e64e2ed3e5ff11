"""Whole responses kept in front of the router until an event says that they may have changed."""
