"""Selection at the end of a search, on tables of trainings."""
