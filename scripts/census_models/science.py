"""Models of graphs, operators, equations, tables and agents."""

# mypy: disable-error-code="import-not-found"

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from scripts.census_models.cases import Case, image


def torch_geometric() -> Iterator[Case]:
    """Yield models of torch_geometric, on a small graph."""
    from torch_geometric.nn import models

    generator = torch.Generator().manual_seed(0)
    x, edges = torch.randn(12, 4, generator=generator), torch.randint(0, 12, (2, 40), generator=generator)
    graph = {"x": x, "edge_index": edges}
    for name in ("GCN", "GraphSAGE", "GIN", "GAT", "EdgeCNN"):
        for more in ({}, {"jk": "cat", "norm": "BatchNorm"}):
            kind = getattr(models, name)
            title = f"{name}{' (jk, norm)' if more else ''}"
            yield Case("torch_geometric", title, partial(kind, 4, 8, 3, 2, **more), lambda: graph)
    pna = {
        "aggregators": ["mean", "max"],
        "scalers": ["identity"],
        "deg": torch.bincount(edges[1], minlength=12),
    }
    yield Case("torch_geometric", "PNA", partial(models.PNA, 4, 8, 3, 2, **pna), lambda: graph)
    yield Case("torch_geometric", "MLP", partial(models.MLP, [4, 8, 8, 2]), lambda: x)
    unet = partial(models.GraphUNet, 4, 8, 2, 2)
    yield Case("torch_geometric", "GraphUNet", unet, lambda: graph)
    fp = partial(models.AttentiveFP, 4, 8, 2, 3, 2, 2)
    attributes = torch.randn(40, 3, generator=generator)
    batch = torch.zeros(12, dtype=torch.long)
    yield Case("torch_geometric", "AttentiveFP", fp, lambda: (x, edges, attributes, batch))
    z, places = torch.randint(1, 9, (6,), generator=generator), torch.randn(6, 3, generator=generator)
    schnet = partial(models.SchNet, 16, 16, 2, 8, interaction_graph=_all_pairs)
    yield Case("torch_geometric", "SchNet", schnet, lambda: (z, places))


def _all_pairs(places: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    edges = torch.combinations(torch.arange(len(places))).T
    return edges, (places[edges[0]] - places[edges[1]]).norm(dim=-1)


def neuraloperator() -> Iterator[Case]:
    """Yield models of neuraloperator."""
    from neuralop import models

    plain: dict[str, Any] = {"in_channels": 3, "out_channels": 1, "hidden_channels": 8}
    for name in ("FNO", "TFNO"):
        yield Case(
            "neuraloperator", name, partial(getattr(models, name), (4, 4), **plain), partial(image, 16)
        )
    plain["channel_mlp_skip"] = "linear"
    deep = {"uno_out_channels": [8, 8, 8], "uno_n_modes": [[4, 4]] * 3, "uno_scalings": [[1.0, 1.0]] * 3}
    uno = partial(models.UNO, **plain, n_layers=3, **deep)
    yield Case("neuraloperator", "UNO", uno, partial(image, 16))
    codano: dict[str, Any] = {
        "output_variable_codimension": 1,
        "hidden_variable_codimension": 4,
        "lifting_channels": 8,
        "n_layers": 2,
    }
    codano |= {"n_heads": [1, 1], "n_modes": [[4, 4]] * 2}
    codano |= {"per_layer_scaling_factors": [[1, 1]] * 2, "attention_scaling_factors": [1, 1]}
    yield Case("neuraloperator", "CODANO", partial(models.CODANO, **codano), partial(image, 16))


def tabm() -> Iterator[Case]:
    """Yield models of tabm."""
    from tabm import TabM

    for kind in ("tabm", "tabm-mini", "tabm-packed"):
        size: dict[str, Any] = {"n_blocks": 2, "d_block": 16, "dropout": 0.1, "k": 4, "arch_type": kind}
        size["start_scaling_init"] = None if kind == "tabm-packed" else "random-signs"
        make = partial(TabM, n_num_features=4, cat_cardinalities=[], d_out=2, **size)
        yield Case("tabm", kind, make, lambda: torch.randn(3, 4))


def deepxde() -> Iterator[Case]:
    """Yield networks of deepxde."""
    os.environ.setdefault("DDE_BACKEND", "pytorch")
    from deepxde import nn as package

    sizes = [2, 16, 16, 1]
    for name in ("tanh", "sin", "swish", "gelu", "relu"):
        fnn = partial(package.FNN, sizes, name, "Glorot uniform")
        yield Case("deepxde", f"FNN ({name})", fnn, lambda: torch.rand(5, 2))
    pfnn = partial(package.PFNN, [2, [8, 8], [8, 8], 2], "tanh", "Glorot uniform")
    yield Case("deepxde", "PFNN", pfnn, lambda: torch.rand(5, 2))
    pair = ([4, 8, 8], [2, 8, 8])
    operator = partial(package.DeepONetCartesianProd, *pair, "tanh", "Glorot uniform")
    yield Case("deepxde", "DeepONetCartesianProd", operator, lambda: ((torch.rand(3, 4), torch.rand(5, 2)),))


def stable_baselines3() -> Iterator[Case]:
    """Yield policies of stable-baselines3."""
    import numpy as np
    from gymnasium import spaces
    from stable_baselines3.common.policies import ActorCriticCnnPolicy, ActorCriticPolicy
    from stable_baselines3.dqn.policies import DQNPolicy
    from stable_baselines3.sac.policies import SACPolicy
    from stable_baselines3.td3.policies import TD3Policy

    seen, discrete = spaces.Box(-1.0, 1.0, (4,), np.float32), spaces.Discrete(3)
    moved = spaces.Box(-1.0, 1.0, (2,), np.float32)
    x = lambda: torch.rand(5, 4)  # noqa: E731
    rate = lambda _: 1e-3  # noqa: E731
    small = {"net_arch": [8, 8]}
    yield Case("stable-baselines3", "ActorCritic", partial(ActorCriticPolicy, seen, moved, rate), x)
    yield Case("stable-baselines3", "DQN", partial(DQNPolicy, seen, discrete, rate, **small), x)
    yield Case("stable-baselines3", "SAC", partial(SACPolicy, seen, moved, rate, **small), x)
    yield Case("stable-baselines3", "TD3", partial(TD3Policy, seen, moved, rate, **small), x)
    picture = spaces.Box(0, 255, (3, 64, 64), np.uint8)
    pixels = lambda: torch.randint(0, 255, (2, 3, 64, 64), dtype=torch.uint8)  # noqa: E731
    yield Case(
        "stable-baselines3", "ActorCriticCnn", partial(ActorCriticCnnPolicy, picture, discrete, rate), pixels
    )
