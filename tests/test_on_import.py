import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

import autoact

FOUND = {
    "lightning.pytorch.core.module": "module.LightningModule.load_state_dict.__module__",
    "pytorch_lightning.core.module": "module.LightningModule.load_state_dict.__module__",
    "lightning.pytorch.core.saving": (
        "{True: 'autoact._on_import'}['autoact.training.checkpoints.instantiate' in "
        "getattr(module, '_ALLOWED_INSTANTIATORS', ['autoact.training.checkpoints.instantiate'])]"
    ),
    "transformers.modeling_utils": "module.PreTrainedModel.from_pretrained.__func__.__module__",
}
CHECK = """
module = sys.modules[{module!r}]
assert type(module.__loader__).__module__.startswith("_frozen_importlib"), module.__loader__
assert type(module.__spec__.loader) is type(module.__loader__)
print({module!r}, {value})
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["import autoact", pytest.param("", marks=pytest.mark.long)])
def test_loaders_are_prepared_before_and_after(before):
    """In one process for all of them: importing Lightning takes seconds."""
    there = [module for module in FOUND if find_spec(module.partition(".")[0])]
    lines = ["import sys", before, *(f"import {module}" for module in there), "import autoact"]
    program = "\n".join(lines) + "".join(CHECK.format(module=m, value=FOUND[m]) for m in there)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.splitlines() == [f"{module} autoact._on_import" for module in there], done.stderr


def test_the_names_of_others_are_those_that_stand_there():
    module = import_module("autoact._on_import")
    assert module._ENTRY == autoact.conversion.KEY
    assert module._NOTE == import_module("autoact.conversion.saving._model_configuration").NOTE
    for name in module._INSTANTIATORS:
        home, _, function = name.rpartition(".")
        assert callable(getattr(import_module(home), function))
