"""Earlier runs as experience: what a search gains that is given the trainings of another one."""

from scripts.benchmarks.experience._processes import Fit, joint_fit, mean_fit
from scripts.benchmarks.experience._trainings import Earlier, earlier_run

__all__ = ["Earlier", "Fit", "earlier_run", "joint_fit", "mean_fit"]
