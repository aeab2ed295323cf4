"""Nod beside its peers: the client's CPU for the same work, in one run. Ratios count, not times."""
