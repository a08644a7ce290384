"""Experience: what small tasks of many kinds say of activations, and whether that helps on other tasks."""
