"""Socket.IO as the dApp uses it: its own client, run by node, against running gateways."""
