"""Problems of many kinds in families, of which whole ones can be left out.

None has data or the generating function of another table in docs/benchmarks/tables.
"""

import itertools
from collections.abc import Callable, Mapping

from scripts.benchmarks.small_tables import _formulas as formulas
from scripts.benchmarks.small_tables import _recordings as recordings
from scripts.benchmarks.small_tables import _samples as samples
from scripts.benchmarks.small_tables._drawn import Problem

FAMILIES: Mapping[str, tuple[Callable[[], Problem], ...]] = {
    "simulators": (formulas.borehole, formulas.piston, formulas.circuit),
    "mechanics": (formulas.robot_arm, formulas.inverse_arm, formulas.kepler, formulas.double_pendulum),
    "waves": (formulas.waves, formulas.chirp, formulas.product_wave),
    "steps": (formulas.tree_regression, formulas.tree_classes, formulas.staircase),
    "equations": (formulas.heat, formulas.shock, formulas.poisson_operator, formulas.vortex),
    "teachers": (samples.max_affine, samples.absolute, samples.relu_teacher, samples.tanh_teacher),
    "noisy": (samples.sparse_linear, samples.polynomial, samples.counts, samples.heavy_tails),
    "plane": (samples.moons, samples.rings, samples.checkerboard),
    "high dimensions": (samples.shell, samples.quadrics, samples.waveforms),
    "boolean": (samples.parity, samples.multiplexer, samples.modular, samples.segments),
    "dynamics": (recordings.mackey_glass, recordings.lorenz, recordings.frequencies, recordings.eeg),
    "autoencoding": (recordings.bumps, recordings.bars, recordings.swiss_roll),
    "photographs": (
        recordings.temple,
        recordings.temple_patches,
        recordings.flower_middle,
        recordings.flower_colors,
    ),
    "maps": (recordings.terrain, recordings.sea_or_land, recordings.brain),
    "measurements": (recordings.cancer, recordings.cancer_texture, recordings.cultivars, recordings.iris),
}
PROBLEMS = {problem.__name__: problem for problem in itertools.chain(*FAMILIES.values())}
