"""Search tables of small tasks of many kinds, in families: whether a change of the search helps anywhere."""
