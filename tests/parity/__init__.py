"""What the public surface promises, and which test proved it: `docs/parity.md`."""
