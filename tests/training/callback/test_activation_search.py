import pickle
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import FSDPStrategy
from torch import nn
from torch.utils.data import IterableDataset

from autoact import auto_layers
from autoact.errors import ConfigurationError
from autoact.training import ActivationSearch, param_groups
from tests.training.models import Regression, load

SPACE = ["relu", "tanh", "elu"]
# most of these trainings need no validation
pytestmark = pytest.mark.filterwarnings("ignore:You defined a .validation_step. but have no")


class Watch(L.Callback):
    """Keep what the callback did at every step."""

    def __init__(self):
        self.releases, self.temperatures, self.hooks, self.logits = [], [], [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        layer = next(iter(auto_layers(pl_module).values()))
        self.releases.append(layer.release.item())
        self.temperatures.append(layer.temperature.item())
        self.logits.append(layer.logits.detach().clone())
        self.hooks.append(len(layer._forward_pre_hooks))


def searched(module):
    return {id(p) for layer in auto_layers(module).values() for p in (layer.logits, layer.raw)}


def grouped(trainer):
    return {id(p) for optimizer in trainer.optimizers for g in optimizer.param_groups for p in g["params"]}


@pytest.mark.parametrize("schedule", ["none", "lambda", "one cycle"])
@pytest.mark.parametrize("settings", [{}, {"accumulate_grad_batches": 4}, {"gradient_clip_val": 1e-3}])
def test_the_users_training_goes_on_and_logits_move(module, loader, make_trainer, schedule, settings):
    model = module(schedule=schedule)
    trainer = make_trainer(ActivationSearch(SPACE), **settings)
    trainer.fit(model, loader)
    layers = auto_layers(model)
    assert list(layers) == ["net.1", "net.3"]
    assert not searched(model) & grouped(trainer)
    assert {id(p) for p in model.parameters()} == searched(model) | grouped(trainer)
    for layer in layers.values():
        assert (layer.logits - layer.anchor).abs().min() > 1e-3
    assert layers["net.1"].raw.abs().max() > 1e-4
    if schedule != "none":
        assert trainer.optimizers[0].param_groups[0]["lr"] != 1e-2


def test_logits_get_no_weight_decay(module, loader, make_trainer):
    """With a loss that ignores the model, only decay could move anything."""

    class Indifferent(Regression):
        def loss(self, batch):
            return 0.0 * super().loss(batch)

    model = Indifferent()
    before = model.net[0].weight.detach().clone()
    make_trainer(ActivationSearch(SPACE)).fit(model, loader)
    for layer in auto_layers(model).values():
        assert torch.equal(layer.logits, layer.anchor)
    assert not torch.equal(model.net[0].weight, before)


def test_the_rest_of_the_training_is_what_it_was(module, loader, make_trainer):
    """A space of one candidate that is the present activation must not change a single bit."""
    trained = []
    for callbacks in ([], [ActivationSearch(["relu"], release=None)]):
        torch.manual_seed(3)
        model = module(schedule="one cycle")
        make_trainer(*callbacks, gradient_clip_val=0.1, accumulate_grad_batches=2).fit(model, loader)
        trained.append([model.net[i].weight.detach() for i in (0, 2, 4)])
    assert all(torch.equal(a, b) for a, b in zip(*trained, strict=True))


def test_accumulated_gradients_are_those_of_one_large_batch(module, dataset, make_trainer):
    logits = []
    for batch_size, accumulate in ((32, 1), (8, 4)):
        torch.manual_seed(0)
        model = module()
        trainer = make_trainer(
            ActivationSearch(SPACE), accumulate_grad_batches=accumulate, precision="64-true"
        )
        trainer.fit(model.double(), load([tuple(v.double() for v in r) for r in dataset(96)], batch_size))
        logits.append(auto_layers(model)["net.1"].logits.detach())
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=1e-9)


def test_release_and_temperature_follow_the_steps(module, loader, make_trainer):
    watch = Watch()
    callback = ActivationSearch(SPACE, release=(0.0, 0.5), temperature=(4.0, 1.0))
    make_trainer(callback, watch, max_epochs=2).fit(module(), loader)
    assert watch.releases == pytest.approx([min(1, 2 * step / 12) for step in range(12)])
    assert watch.temperatures[0] == pytest.approx(4)
    assert watch.temperatures[6] == pytest.approx(2)


def test_without_release_the_function_stays_while_logits_learn(module, loader, make_trainer):
    model = module()
    make_trainer(ActivationSearch(SPACE, release=None)).fit(model, loader)
    layer = auto_layers(model)["net.1"]
    x = torch.randn(100)
    assert torch.equal(layer(x), torch.relu(x))
    assert not torch.equal(layer.logits, layer.anchor)


def test_a_uniform_start_is_a_mixture_at_once(module, loader, make_trainer):
    watch = Watch()
    make_trainer(ActivationSearch(SPACE, start="uniform"), watch).fit(module(), loader)
    assert set(watch.releases) == {1.0}


def test_pre_activations_are_observed_and_no_hook_stays(module, loader, make_trainer):
    model, watch = module(), Watch()
    make_trainer(ActivationSearch(SPACE, observe_every=3), watch, max_epochs=2).fit(model, loader)
    layer = auto_layers(model)["net.1"]
    assert layer.observed.item() == 4
    assert not layer._forward_pre_hooks
    x = torch.cat([batch[0] for batch in loader])
    seen = model.net[0](x).detach().flatten().quantile(torch.tensor([0.1, 0.9]))
    measured = layer.quantiles[[25, 231]]
    torch.testing.assert_close(measured, seen, rtol=0.3, atol=0.15)


def test_hooks_are_gone_after_a_failure(module, loader, make_trainer):
    class Failing(Regression):
        def training_step(self, batch, batch_idx):
            raise KeyError("mine")

    model = Failing()
    with pytest.raises(KeyError, match="mine"):
        make_trainer(ActivationSearch(SPACE)).fit(model, loader)
    assert not any(layer._forward_pre_hooks for layer in auto_layers(model).values())


def test_the_assignment_names_every_layer(module, loader, make_trainer):
    callback = ActivationSearch(SPACE)
    with pytest.raises(ConfigurationError, match=r"when Trainer\.fit ends"):
        _ = callback.assignment
    make_trainer(callback).fit(module(), loader)
    callback = pickle.loads(pickle.dumps(callback))  # as what comes back from another process
    assert list(callback.assignment) == ["net.1", "net.3"]
    assert all(choice.activation in SPACE for choice in callback.assignment.values())


def test_layers_are_converted_wherever_they_are_made(any_module, loaders, make_trainer):
    model = any_module()
    trainer = make_trainer(ActivationSearch(SPACE))
    trainer.fit(model, *loaders)
    assert list(auto_layers(model)) == ["net.1", "net.3"]
    assert not searched(model) & grouped(trainer)
    (metrics,) = trainer.validate(model, loaders[1], verbose=False)
    assert metrics["val_loss"] < 1
    assert "configure_model" not in vars(model)


def test_layers_made_anew_are_an_error_not_a_silent_loss(module, loader, make_trainer):
    class Forgetful(Regression):
        def configure_model(self):
            self.net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))

    class Again(L.Callback):
        def setup(self, trainer, pl_module, stage):
            pl_module.configure_model()

    with pytest.raises(
        ConfigurationError, match=r"Forgetful has no searched activation left.*configure_model"
    ):
        make_trainer(ActivationSearch(SPACE), Again()).fit(Forgetful(), loader)


def test_groups_of_param_groups_stay_with_their_optimizer(module, loader, make_trainer):
    class Own(Regression):
        def configure_optimizers(self):
            return torch.optim.AdamW(param_groups(self, lr=1e-2, weight_decay=0.1, activation_lr=0.0))

    model, callback = Own(), ActivationSearch(SPACE, release=None)
    make_trainer(callback).fit(model, loader)
    assert callback._optimizer is not None
    assert callback._optimizer.state_dict() == {}
    for layer in auto_layers(model).values():  # their learning rate of 0 holds
        assert torch.equal(layer.logits, layer.anchor)


@pytest.mark.parametrize("overflow", [False, True])
def test_scaled_gradients_are_unscaled_and_overflows_skipped(module, dataset, make_trainer, overflow):
    """The fp16 scaler, on the CPU: logits move as they do without it, and not at all on an overflow."""
    logits = []
    for scaled in (False, True):
        torch.manual_seed(0)
        model = module()
        scaler = torch.amp.GradScaler("cpu", init_scale=1e30 if overflow else 1024.0)
        plugins: Any = [MixedPrecision("16-mixed", "cpu", scaler)] if scaled else None
        trainer = make_trainer(
            ActivationSearch(SPACE, lr=0.01), plugins=plugins, max_steps=3, max_epochs=None
        )
        data = [(x * (1e6 if overflow else 1), y) for x, y in dataset(48)]
        trainer.fit(model, load(data, 16))
        logits.append(auto_layers(model)["net.1"].logits.detach())
        anchor = auto_layers(model)["net.1"].anchor
    if overflow:
        assert torch.equal(logits[1], anchor)
    else:
        torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=5e-3)
        assert (logits[1] - anchor).abs().min() > 1e-3


def test_an_averaged_model_is_a_converted_one(module, loader, make_trainer):
    average = EMAWeightAveraging(decay=0.5)
    make_trainer(ActivationSearch(SPACE), average).fit(module(), loader)
    with pytest.raises(
        ConfigurationError, match=r"EMAWeightAveraging copies the model.*list ActivationSearch first"
    ):
        make_trainer(EMAWeightAveraging(), ActivationSearch(SPACE)).fit(module(), loader)


def test_after_an_overflow_scaled_steps_go_on(module, dataset, make_trainer):
    """The fp16 scaler on the CPU, with accumulation: it skips each optimizer's steps until the scale fits."""
    steps: dict[str, list[bool]] = {"logits": [], "weights": []}

    class Moved(L.Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            layer, linear = pl_module.net[1], pl_module.net[0]
            self.before = layer.logits.detach().clone(), linear.weight.detach().clone()

        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            after = pl_module.net[1].logits, pl_module.net[0].weight
            for name, old, new in zip(steps, self.before, after, strict=True):
                steps[name].append(not torch.equal(old, new))

    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    plugins: Any = [MixedPrecision("16-mixed", "cpu", scaler)]
    trainer = make_trainer(
        ActivationSearch(SPACE, lr=0.01), Moved(), plugins=plugins, accumulate_grad_batches=2, max_epochs=30
    )
    trainer.fit(module(), load(dataset(64), 16))
    assert steps["logits"][-20:] == steps["weights"][-20:] == 10 * [False, True]
    assert not any(steps["logits"][::2])  # the first batch of two only accumulates
    assert not steps["logits"][1]  # the scale is too large at first
    assert sum(steps["logits"]) >= 15
    assert 1 < scaler.get_scale() < 2.0**40


def test_clipping_sees_the_users_gradients_only(module, loader, make_trainer):
    """The norm that is clipped is that of the weights: logits have stepped and are gone by then."""
    norms = []

    class Norm(Regression):
        def configure_gradient_clipping(
            self, optimizer, gradient_clip_val=None, gradient_clip_algorithm=None
        ):
            assert all(p.grad is None for p in searched_parameters(self))
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            norms.append(torch.stack([p.grad.norm() for p in self.parameters() if p.grad is not None]).norm())

    make_trainer(ActivationSearch(SPACE), gradient_clip_val=1e-3, accumulate_grad_batches=2).fit(
        Norm(), loader
    )
    assert len(norms) == 6
    assert all(norm == pytest.approx(1e-3, rel=1e-2) for norm in norms)


def searched_parameters(module):
    return [p for layer in auto_layers(module).values() for p in (layer.logits, layer.raw)]


def test_lbfgs_is_refused(module, loader, make_trainer):
    class Quasi(Regression):
        def configure_optimizers(self):
            return torch.optim.LBFGS(self.parameters())

    with pytest.raises(ConfigurationError, match="LBFGS evaluates the loss several times"):
        make_trainer(ActivationSearch(SPACE)).fit(Quasi(), loader)


def test_sharded_strategies_are_refused(module, make_trainer):
    trainer = make_trainer(ActivationSearch(SPACE))
    trainer.strategy.__class__ = FSDPStrategy
    with pytest.raises(ConfigurationError, match="FSDPStrategy"):
        trainer.callbacks[0].setup(trainer, module(), "fit")


def test_strategies_whose_processes_end_with_the_training_are_refused(module):
    """What the callback has found would end with them, without a word."""
    trainer = L.Trainer(accelerator="cpu", devices=2, strategy="ddp_spawn", logger=False)
    search = ActivationSearch(SPACE)
    with pytest.raises(ConfigurationError, match=r'give Trainer\(strategy="ddp"\), in a script'):
        search.setup(trainer, module(), "fit")


def test_a_training_of_unknown_length_needs_total_steps(module, dataset, make_trainer):
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(dataset(32))

    loader = load(Stream(), batch_size=8)
    with pytest.raises(ConfigurationError, match=r"total_steps"):
        make_trainer(ActivationSearch(SPACE)).fit(module(), loader)
    watch = Watch()
    make_trainer(ActivationSearch(SPACE, total_steps=8, release=(0, 1)), watch, max_epochs=1).fit(
        module(), loader
    )
    assert watch.releases == pytest.approx([0, 1 / 8, 2 / 8, 3 / 8])


@pytest.mark.parametrize("setting", ["lr", "parameter_lr", "observe_every"])
def test_settings_must_be_positive(setting):
    wrong: dict[str, Any] = {setting: 0}
    with pytest.raises(ConfigurationError, match=f"{setting}=0 must be positive"):
        ActivationSearch(**wrong)


def test_two_searches_in_one_training_are_refused(module, loader, make_trainer):
    trainer = make_trainer(ActivationSearch(["relu", "tanh"]), ActivationSearch(SPACE))
    said = r"has 2 callbacks ActivationSearch \(numbers 0, 1 of its callbacks\).* of Regression. Keep one"
    with pytest.raises(ConfigurationError, match=said):
        trainer.fit(module(), loader)
