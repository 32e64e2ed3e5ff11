"""Socket.IO: pushes what changes during an allocation window, and accepts allocations."""
