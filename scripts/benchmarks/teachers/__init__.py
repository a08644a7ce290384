"""Teachers of the benchmark of inventions: functions hidden in networks."""
