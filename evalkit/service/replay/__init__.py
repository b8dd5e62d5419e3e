"""A stored run served over sockets: what its clients sent is expected again, what its servers said is said again."""
