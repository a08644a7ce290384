import subprocess
import sys
from importlib import import_module

import pytest

import autoact

CODE = """
import sys
{before}
import {module}
import autoact
module = sys.modules[{module!r}]
assert type(module.__loader__).__module__.startswith("_frozen_importlib"), module.__loader__
assert type(module.__spec__.loader) is type(module.__loader__)
print({value})
"""


@pytest.mark.parametrize("before", ["import autoact", ""])
@pytest.mark.parametrize(
    ("module", "value"),
    [
        ("lightning.pytorch.core.module", "module.LightningModule.load_state_dict.__module__"),
        ("pytorch_lightning.core.module", "module.LightningModule.load_state_dict.__module__"),
        (
            "lightning.pytorch.core.saving",
            "{True: 'autoact._on_import'}['autoact.training.checkpoints.instantiate' in "
            "getattr(module, '_ALLOWED_INSTANTIATORS', ['autoact.training.checkpoints.instantiate'])]",
        ),
        ("transformers.modeling_utils", "module.PreTrainedModel.from_pretrained.__func__.__module__"),
    ],
)
def test_loaders_are_prepared_before_and_after(before, module, value):
    pytest.importorskip(module.partition(".")[0])
    program = CODE.format(before=before, module=module, value=value)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["autoact._on_import"], done.stderr


def test_the_names_of_others_are_those_that_stand_there():
    module = import_module("autoact._on_import")
    assert module._ENTRY == autoact.conversion.KEY
    assert module._NOTE == import_module("autoact.conversion.saving._model_configuration").NOTE
    for name in module._INSTANTIATORS:
        home, _, function = name.rpartition(".")
        assert callable(getattr(import_module(home), function))
