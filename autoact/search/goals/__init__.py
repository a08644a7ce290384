"""Two goals of a search: what assignments cost before it, its front, what whole models cost after it."""

from autoact.search.goals._cheaper_models import Priced, cheaper_models, spread
from autoact.search.goals._goal import second_goal
from autoact.search.goals._latency_costs import place_of
from autoact.search.goals._whole_models import whole_costs

__all__ = ["Priced", "cheaper_models", "place_of", "second_goal", "spread", "whole_costs"]
