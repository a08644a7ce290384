import lightning as L
import pytest
import torch

from autoact.training import ActivationSearch
from tests.training.models import load

SPACE = ["relu", "tanh", "elu", "swish"]


class SaveAt(L.Callback):
    """Save after some optimizer steps, in the middle of an epoch."""

    def __init__(self, step, path):
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step and not self.path.exists():
            trainer.save_checkpoint(self.path)


@pytest.mark.slow
@pytest.mark.parametrize("saved_at", [6, 12])
@pytest.mark.parametrize("settings", [{}, {"accumulate_grad_batches": 1, "gradient_clip_val": 0.5}])
def test_a_resumed_training_equals_an_uninterrupted_one(
    module, dataset, make_trainer, tmp_path, saved_at, settings
):
    path = tmp_path / "middle.ckpt"
    data = load(dataset(96), 16), load(dataset(32, seed=1), 16)

    def make():
        torch.manual_seed(5)
        return module(schedule="one cycle"), ActivationSearch(SPACE, temperature=(2.0, 1.0), observe_every=2)

    whole, callback = make()
    make_trainer(callback, SaveAt(saved_at, path), max_epochs=4, **settings).fit(whole, *data)
    resumed, again = make()
    make_trainer(again, max_epochs=4, **settings).fit(resumed, *data, ckpt_path=path)
    for name, value in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert again.assignment == callback.assignment


def test_the_optimizer_of_the_logits_continues(module, dataset, make_trainer, tmp_path):
    callback = ActivationSearch(SPACE)
    path = tmp_path / "middle.ckpt"
    data = load(dataset(96), 16), load(dataset(32))
    make_trainer(callback, SaveAt(6, path)).fit(module(), *data)
    saved = torch.load(path, weights_only=True)["callbacks"]["ActivationSearch"]["optimizer"]
    assert {int(state["step"]) for state in saved["state"].values()} == {6}
    resumed = ActivationSearch(SPACE)
    make_trainer(resumed).fit(module(), *data, ckpt_path=path)
    assert resumed._optimizer is not None
    found = resumed._optimizer.state_dict()
    assert {int(s["step"]) for s in found["optimizer"]["state"].values()} == {12}
