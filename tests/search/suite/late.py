"""Layers that are made, compiled or scripted late, and what is logged or saved of them."""

from typing import Any

import torch
from torch import Tensor, nn

from tests.search.suite.basis import Learner, Regression, loaders, mlp, points
from tests.search.suite.registry import case

rows = loaders(points)


@case("layers made late", "net.1", late=True, data=rows)
class InConfigureModel(Regression):
    """configure_model makes the layers, once."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.net: Any = None

    def configure_model(self) -> None:
        if self.net is None:
            self.net = mlp(4, 8, 1, act=nn.ELU)


@case("layers made late", "net.1", late=True, data=rows)
class InSetup(InConfigureModel):
    """setup makes the layers for each stage it is called for, as wide as the data."""

    def configure_model(self) -> None:
        return None

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.net = mlp(4, 8, 1)


@case("logging", "net.1", data=rows)
class Logging(Regression):
    """The logger in every way: its experiment, its directory, methods of other loggers."""

    def note(self) -> None:
        logger: Any = self.logger
        logger.experiment.add_scalar("x", 1.0, self.global_step)
        logger.log_metrics({"a": 1.0}, self.global_step)
        assert isinstance(logger.log_dir, str)
        assert [each.name for each in self.loggers]
        if hasattr(logger, "log_image"):
            logger.log_image("picture", [])

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        self.note()
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.note()
        super().validation_step(batch, batch_idx)


@case("layers made late", "net.1", data=rows)
class Lazy(Regression):
    """nn.LazyLinear, made whole by example_input_array in __init__."""

    def __init__(self) -> None:
        Learner.__init__(self)
        self.example_input_array = torch.zeros(2, 4)
        self.net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))
        self.net(self.example_input_array)


@case("compiled", "net._orig_mod.1", data=rows)
class CompiledInInit(Regression):
    """torch.compile of a part in __init__."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.compile(self.net, backend="eager")


@case("compiled", "net._orig_mod.1", data=rows)
class CompiledInSetup(Regression):
    """torch.compile in setup, for fit only."""

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.net = torch.compile(self.net, backend="eager")


@case("compiled", "net._orig_mod.1", data=rows)
class CompiledInConfigureModel(Regression):
    """torch.compile in configure_model."""

    def configure_model(self) -> None:
        if isinstance(self.net, nn.Sequential):
            self.net = torch.compile(self.net, backend="eager")


@case("compiled", "net.1", data=rows)
class CompiledInFitStart(Regression):
    """torch.compile in on_fit_start, when the layers have been found."""

    def on_fit_start(self) -> None:
        self.net = torch.compile(self.net, backend="eager")


@case("compiled", "net.1", data=rows)
class CompiledModule(Regression):
    """Module.compile() in configure_model."""

    def configure_model(self) -> None:
        self.net.compile(backend="eager")


SCRIPTED = "Nothing to convert in Scripted"


@case("scripted", "", data=rows, callback=SCRIPTED, search=SCRIPTED)
class Scripted(Regression):
    """torch.jit.script of a part: its activation is out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.net = torch.jit.script(self.net)


@case("sparse state", "net.1", data=rows)
class OwnState(Regression):
    """state_dict and load_state_dict of one's own, extra state, buffers that are not saved."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()), persistent=False)
        self.seen = 0

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        self.seen += len(batch[0])
        return self.loss(batch) * self.scale

    def get_extra_state(self) -> dict[str, int]:
        return {"seen": self.seen}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]
