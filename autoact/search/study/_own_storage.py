"""Optuna's storage in a file of the run's own: new trials are written without a look at what is there.

Optuna looks for a value, and for its trial, before it writes it: most of the time of an export. The methods
are Optuna's own; in a version that calls others, these are not called.
"""

from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models


class OwnStorage(optuna.storages.RDBStorage):
    """Storage that only `Study.add_trial` writes to, and nobody else."""

    def _set_trial_param_without_commit(
        self, session: Any, trial_id: int, param_name: str, internal: float, distribution: Any, *_: Any
    ) -> None:
        session.add(
            models.TrialParamModel(
                trial_id=trial_id,
                param_name=param_name,
                param_value=internal,
                distribution_json=distribution_to_json(distribution),
            )
        )

    def _set_trial_intermediate_value_without_commit(
        self, session: Any, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        kind = models.TrialIntermediateValueModel
        stored, of_type = kind.intermediate_value_to_stored_repr(intermediate_value)
        session.add(
            kind(trial_id=trial_id, step=step, intermediate_value=stored, intermediate_value_type=of_type)
        )
