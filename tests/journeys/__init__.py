"""What people do, step by step through the gateway, on a chain whose window is always open."""
