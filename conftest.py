pytest_plugins = ["octant_devnet.testkit"]
