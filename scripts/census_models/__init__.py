"""Models of the census: small ones of many packages."""

from collections.abc import Callable, Iterator

from scripts.census_models.cases import SHORT, Case
from scripts.census_models.images import diffusers, monai, segmentation_models_pytorch, timm, torchvision
from scripts.census_models.language import transformers
from scripts.census_models.science import deepxde, neuraloperator, stable_baselines3, tabm, torch_geometric

__all__ = ["PACKAGES", "SHORT", "Case"]

PACKAGES: dict[str, Callable[[], Iterator[Case]]] = {
    "timm": timm,
    "torchvision": torchvision,
    "transformers": transformers,
    "torch_geometric": torch_geometric,
    "monai": monai,
    "segmentation-models-pytorch": segmentation_models_pytorch,
    "diffusers": diffusers,
    "neuraloperator": neuraloperator,
    "tabm": tabm,
    "deepxde": deepxde,
    "stable-baselines3": stable_baselines3,
}
