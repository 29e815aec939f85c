"""A small internet in network namespaces, to try anycastd on: topology.py says what is in it."""
