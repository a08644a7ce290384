"""Applications: data, a search, a verdict and a picture; docs/applications has their pages."""
