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
    "mechanics": (formulas.robot_arm, formulas.inverse_arm, formulas.kepler),
    "waves": (formulas.waves, formulas.chirp, formulas.product_wave),
    "steps": (formulas.tree_regression, formulas.tree_classes, formulas.staircase),
    "equations": (formulas.heat, formulas.shock, formulas.poisson_operator),
    "teachers": (samples.max_affine, samples.absolute, samples.relu_teacher),
    "noisy": (samples.sparse_linear, samples.polynomial, samples.counts),
    "plane": (samples.moons, samples.rings, samples.checkerboard),
    "high dimensions": (samples.shell, samples.quadrics, samples.waveforms),
    "boolean": (samples.parity, samples.multiplexer, samples.modular),
    "dynamics": (recordings.mackey_glass, recordings.lorenz, recordings.frequencies),
    "autoencoding": (recordings.bumps, recordings.bars),
    "photographs": (recordings.temple, recordings.temple_patches),
    "maps": (recordings.terrain, recordings.sea_or_land),
    "measurements": (recordings.cancer, recordings.cancer_texture),
}
PROBLEMS = {problem.__name__: problem for problem in itertools.chain(*FAMILIES.values())}
