"""A small internet in network namespaces, for anycastd to be tried on: see topology.py for what is in it."""
