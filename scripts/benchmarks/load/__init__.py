"""Load: what large spaces, long runs and many workers take."""
