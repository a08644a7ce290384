"""Models of the census: small ones of many packages, and a few modules of its own."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Case:
    """One model of the census.

    Attributes:
        package: That it comes from.
        name: Of the model.
        make: Makes it, with random weights.
        inputs: Makes what it takes: a tensor, a tuple of arguments or a mapping of keywords.
    """

    package: str
    name: str
    make: Callable[[], nn.Module]
    inputs: Callable[[], Any]


def _image(size: int = 32, channels: int = 3, batch: int = 2) -> Tensor:
    return torch.randn(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


def _volume(size: int = 32, channels: int = 1) -> Tensor:
    return torch.randn(1, channels, size, size, size, generator=torch.Generator().manual_seed(0))


class _Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 8), nn.Linear(8, 2), nn.ReLU()


class Plain(_Own):
    """A module, and a call in the source."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        return self.b(F.gelu(self.act(self.a(x))))


class Branches(_Own):
    """One activation in two branches."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        x = self.a(x)
        if self.training:
            return self.b(self.act(F.dropout(x, 0.1)))
        return self.b(self.act(x))


class Tables(_Own):
    """Activations in a list, fetched by name, and as a formula; one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.held, self.unused = [F.elu], nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        x = self.held[0](self.act(self.a(x)))
        return self.b(getattr(F, "silu")(x).clamp(min=0))  # noqa: B009


def _formula(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


class Formula(_Own):
    """A function by formula."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute."""
        return self.b(_formula(self.a(x)))


SHORT = [
    Case("own", kind.__name__, kind, lambda: torch.randn(3, 4)) for kind in (Plain, Branches, Tables, Formula)
]

_TIMM = """
resnet18 resnet26d resnet50 resnetv2_50 skresnet18 resnest14d res2net50_26w_4s seresnet50 ecaresnet26t dla34
repvgg_a0 mobileone_s0 fastvit_t8 repvit_m0_9 repghostnet_050 ghostnet_050 ghostnetv2_100 mobilenetv2_050
mobilenetv3_small_050 mobilenetv4_conv_small hardcorenas_a mnasnet_small semnasnet_075 lcnet_035 tinynet_e
efficientnet_b0 tf_efficientnet_lite0 mixnet_s rexnet_100 regnetx_002 regnety_002 densenet121 hgnetv2_b0 vgg11
starnet_s1 fasternet_t0 convnext_atto convnextv2_atto mambaout_femto inception_next_atto edgenext_xx_small
poolformer_s12 mobilevit_xxs mobilevitv2_050 efficientvit_b0 nf_resnet26 cspresnet50 darknet17 xception41
vovnet39a selecsls42 inception_v4
"""
_TIMM_SIZED = """
vit_tiny_patch16_224 deit_tiny_patch16_224 eva02_tiny_patch14_224 mixer_s32_224 gmlp_ti16_224 resmlp_12_224
pit_ti_224 xcit_nano_12_p16_224 cait_xxs24_224 convit_tiny visformer_tiny levit_128s crossvit_tiny_240
coat_tiny swin_tiny_patch4_window7_224 tiny_vit_5m_224 efficientformer_l1 efficientvit_m0 swiftformer_xs
"""


def timm() -> Iterator[Case]:
    """Yield models of timm."""
    import timm as package

    for name in _TIMM.split():
        yield Case("timm", name, partial(package.create_model, name, num_classes=4), partial(_image, 64))
    for name in _TIMM_SIZED.split():
        size = 240 if "240" in name else 224
        inputs = partial(_image, size, batch=1)
        yield Case("timm", name, partial(package.create_model, name, num_classes=4), inputs)


_TORCHVISION = """
alexnet vgg11_bn resnet18 resnext50_32x4d mobilenet_v2 mobilenet_v3_small shufflenet_v2_x0_5 squeezenet1_1
mnasnet0_5 efficientnet_b0 densenet121 googlenet regnet_y_400mf convnext_tiny
"""


def torchvision() -> Iterator[Case]:
    """Yield models of torchvision."""
    from torchvision import models

    for name in _TORCHVISION.split():
        more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
        make = partial(models.get_model, name, weights=None, num_classes=4, **more)
        yield Case("torchvision", name, make, partial(_image, 64))
    vit = partial(models.VisionTransformer, 32, 8, 2, 2, 16, 32)
    yield Case("torchvision", "VisionTransformer", vit, _image)
    lraspp = partial(models.get_model, "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None)
    yield Case("torchvision", "lraspp_mobilenet_v3_large", lraspp, partial(_image, 64))


_TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "intermediate_size": 64,
    "vocab_size": 99,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_CAUSAL = (
    "Llama Mistral Qwen2 Qwen3 Gemma Gemma2 Phi Phi3 Mixtral Olmo2 StableLm Granite Cohere Starcoder2 Bert "
    "Roberta Electra Albert DebertaV2 Esm GPTNeoX Mamba Mamba2 Falcon Nystromformer RoFormer Rwkv XLMRoberta "
    "Splinter MobileBert SqueezeBert ConvBert FNet Camembert"
)
_FURTHER: dict[str, dict[str, Any]] = {
    "Albert": {"embedding_size": 16},
    "DistilBert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 4},
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "GPTJ": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "GPTNeo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]},
    "CodeGen": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "OPT": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "Bloom": {"n_layer": 2, "n_head": 4},
    "Mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2},
    "XLNet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    "Mamba2": {"num_heads": 4, "head_dim": 16, "n_groups": 1, "state_size": 8},
    "Rwkv": {"attention_hidden_size": 32},
    "ConvBert": {"embedding_size": 32},
    "Electra": {"embedding_size": 32},
    "SqueezeBert": {"embedding_size": 32},
    "Nystromformer": {"segment_means_seq_len": 12, "num_landmarks": 4},
    "MobileBert": {"embedding_size": 32, "intra_bottleneck_size": 32},
    "RoFormer": {"embedding_size": 32},
}
_WITHOUT = {"Falcon": "head_dim", "XLNet": "max_position_embeddings"}
_VISION: dict[str, dict[str, Any]] = {
    "ViT": {"image_size": 32, "patch_size": 8},
    "DeiT": {"image_size": 32, "patch_size": 8},
    "Beit": {"image_size": 32, "patch_size": 8},
    "Dinov2": {"image_size": 32, "patch_size": 8},
    "CLIPVision": {"image_size": 32, "patch_size": 8},
    "SiglipVision": {"image_size": 32, "patch_size": 8},
    "ConvNext": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "MobileNetV2": {"depth_multiplier": 0.35},
    "Segformer": {
        "hidden_sizes": [8, 16, 24, 32],
        "num_attention_heads": [1, 2, 3, 4],
        "depths": [1, 1, 1, 1],
    },
    "PoolFormer": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
}


def transformers() -> Iterator[Case]:
    """Yield models of transformers, of tiny configurations."""
    import transformers as package

    package.logging.set_verbosity_error()
    ids = torch.randint(3, 99, (2, 12), generator=torch.Generator().manual_seed(0))
    for name in [*_CAUSAL.split(), *(each for each in _FURTHER if each not in _CAUSAL.split())]:
        settings = {key: value for key, value in _TEXT.items() if key not in _WITHOUT.get(name, "")}
        settings |= _FURTHER.get(name, {})
        make = partial(_configured, package, name, settings)
        yield Case("transformers", f"{name}Model", make, lambda: {"input_ids": ids})
    for name, further in _VISION.items():
        size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
        make = partial(_configured, package, name, {**size, **further})
        if hasattr(package, f"{name}Config"):
            yield Case("transformers", f"{name}Model", make, lambda: {"pixel_values": _image(32)})
    small = {
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
    }
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    both = {"input_ids": ids, "decoder_input_ids": ids}
    for name in ("Bart", "Pegasus", "Marian", "Blenderbot"):
        settings = {**_TEXT, **small, **heads, "decoder_start_token_id": 2}
        make = partial(_configured, package, name, settings)
        yield Case("transformers", f"{name}Model", make, lambda: both)
    for gate in ("relu", "gated-gelu"):
        settings = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": 99}
        make = partial(_configured, package, "T5", {**settings, "feed_forward_proj": gate})
        yield Case("transformers", f"T5Model ({gate})", make, lambda: both)
    sound = {
        **_TEXT,
        "conv_dim": (16, 16),
        "conv_kernel": (8, 3),
        "conv_stride": (4, 2),
        "num_conv_pos_embeddings": 16,
    }
    for name in ("Wav2Vec2", "Hubert", "WavLM"):
        make = partial(
            _configured, package, name, {**sound, "num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.0}
        )
        yield Case(
            "transformers",
            f"{name}Model",
            make,
            lambda: {"input_values": _image(1)[:, 0, 0, :1].repeat(1, 400)},
        )


def _configured(package: Any, name: str, settings: Mapping[str, Any]) -> nn.Module:
    configuration = getattr(package, f"{name}Config")(**settings)
    return getattr(package, f"{name}Model")(configuration)


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


def monai() -> Iterator[Case]:
    """Yield networks of monai."""
    from monai.networks import nets

    two = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2}
    channels = {"channels": (4, 8, 16), "strides": (2, 2)}
    dynamic = {"kernel_size": [3, 3, 3], "strides": [1, 2, 2], "upsample_kernel_size": [2, 2]}
    known: dict[str, dict[str, Any]] = {
        "UNet": {**two, **channels},
        "AttentionUnet": {**two, **channels},
        "BasicUNet": {**two, "features": (4, 4, 8, 8, 8, 4)},
        "BasicUNetPlusPlus": {**two, "features": (4, 4, 8, 8, 8, 4)},
        "SegResNet": {**two, "init_filters": 8},
        "SegResNetDS": {**two, "init_filters": 8},
        "DynUNet": {**two, **dynamic, "filters": [4, 8, 16]},
        "VNet": {**two, "out_channels": 2},
        "UNETR": {**two, "img_size": 32, "feature_size": 4, "hidden_size": 24, "mlp_dim": 32, "num_heads": 2},
        "SwinUNETR": {**two, "feature_size": 12},
        "DenseNet121": two,
        "FlexibleUNet": {**two, "backbone": "efficientnet-b0"},
        "AutoEncoder": {**two, "channels": (4, 8, 16), "strides": (2, 2, 2)},
        "HighResNet": two,
        "ViT": {
            "spatial_dims": 2,
            "in_channels": 3,
            "img_size": 32,
            "patch_size": 8,
            "hidden_size": 24,
            "num_layers": 2,
        }
        | {"mlp_dim": 32, "num_heads": 2, "classification": True},
        "ResNet": {
            "spatial_dims": 2,
            "n_input_channels": 3,
            "num_classes": 2,
            "block": "basic",
            "layers": [1, 1, 1, 1],
        }
        | {"block_inplanes": [4, 8, 16, 32]},
        "SEResNet50": {"spatial_dims": 2, "in_channels": 3, "num_classes": 2},
    }
    for name, settings in known.items():
        size = 64 if name in ("SwinUNETR", "FlexibleUNet", "DenseNet121", "SEResNet50") else 32
        make = partial(getattr(nets, name), **settings)
        if name != "VNet":
            yield Case("monai", name, make, partial(_image, size))
    yield Case("monai", "VNet", partial(nets.VNet, spatial_dims=3), _volume)
    efficient = partial(nets.EfficientNetBN, "efficientnet-b0", pretrained=False, num_classes=2)
    yield Case("monai", "EfficientNetBN", efficient, partial(_image, 64))
    yield Case(
        "monai", "FullyConnectedNet", partial(nets.FullyConnectedNet, 4, 2, [8, 8]), lambda: torch.randn(3, 4)
    )


def segmentation_models_pytorch() -> Iterator[Case]:
    """Yield models of segmentation-models-pytorch."""
    import segmentation_models_pytorch as package

    pairs = [
        (name, "resnet18") for name in "Unet UnetPlusPlus FPN PSPNet DeepLabV3Plus Linknet MAnet PAN".split()
    ]
    pairs += [(name, "resnet18") for name in ("UPerNet", "Segformer")]
    encoders = (
        "efficientnet-b0 mobilenet_v2 mit_b0 mobileone_s0 densenet121 vgg11 xception se_resnet50".split()
    )
    pairs += [("Unet", encoder) for encoder in (*encoders, "timm-efficientnet-b0", "timm-regnetx_002")]
    for name, encoder in pairs:
        make = partial(getattr(package, name), encoder, encoder_weights=None)
        yield Case("segmentation-models-pytorch", f"{name} {encoder}", make, partial(_image, 64))


def diffusers() -> Iterator[Case]:
    """Yield models of diffusers."""
    import diffusers as package

    small = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 16}
    down, up = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
    step = torch.tensor([3])
    unet = partial(
        package.UNet2DModel, **small, down_block_types=down, up_block_types=up, attention_head_dim=4
    )
    yield Case("diffusers", "UNet2DModel", unet, lambda: (_image(16, batch=1), step))
    cross = ("DownBlock2D", "CrossAttnDownBlock2D"), ("CrossAttnUpBlock2D", "UpBlock2D")
    conditional = partial(
        package.UNet2DConditionModel,
        **small,
        down_block_types=cross[0],
        up_block_types=cross[1],
        cross_attention_dim=8,
        attention_head_dim=4,
    )
    text = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    yield Case("diffusers", "UNet2DConditionModel", conditional, lambda: (_image(16, 4, 1), step, text))
    control = partial(
        package.ControlNetModel,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=cross[0],
        cross_attention_dim=8,
        attention_head_dim=4,
        conditioning_embedding_out_channels=(4, 8),
    )
    with_image = lambda: (_image(16, 4, 1), step, text, _image(32, 3, 1))  # noqa: E731
    yield Case("diffusers", "ControlNetModel", control, with_image)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    yield Case(
        "diffusers", "AutoencoderKL", partial(package.AutoencoderKL, **small, **blocks), partial(_image, 16)
    )
    vq = {"block_out_channels": (8, 16), "norm_num_groups": 4, "sample_size": 16, **blocks}
    yield Case("diffusers", "VQModel", partial(package.VQModel, **vq), partial(_image, 16))
    tiny = {"encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8)}
    tiny |= {"num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1)}
    yield Case("diffusers", "AutoencoderTiny", partial(package.AutoencoderTiny, **tiny), partial(_image, 16))
    dit = {
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "in_channels": 4,
        "num_layers": 1,
        "sample_size": 8,
    }
    dit |= {"patch_size": 2, "norm_num_groups": 4, "num_embeds_ada_norm": 10}
    labels = {"class_labels": torch.tensor([1]), "timestep": step}
    inputs = lambda: {"hidden_states": _image(8, 4, 1), **labels}  # noqa: E731
    yield Case("diffusers", "DiTTransformer2DModel", partial(package.DiTTransformer2DModel, **dit), inputs)


def neuraloperator() -> Iterator[Case]:
    """Yield models of neuraloperator."""
    from neuralop import models

    plain: dict[str, Any] = {"in_channels": 3, "out_channels": 1, "hidden_channels": 8}
    for name in ("FNO", "TFNO"):
        yield Case(
            "neuraloperator", name, partial(getattr(models, name), (4, 4), **plain), partial(_image, 16)
        )
    plain["channel_mlp_skip"] = "linear"
    deep = {"uno_out_channels": [8, 8, 8], "uno_n_modes": [[4, 4]] * 3, "uno_scalings": [[1.0, 1.0]] * 3}
    uno = partial(models.UNO, **plain, n_layers=3, **deep)
    yield Case("neuraloperator", "UNO", uno, partial(_image, 16))
    codano = {
        "output_variable_codimension": 1,
        "hidden_variable_codimension": 4,
        "lifting_channels": 8,
        "n_layers": 2,
    }
    codano |= {"n_heads": [1, 1], "n_modes": [[4, 4]] * 2}
    codano |= {"scalings": [[1, 1]] * 2, "use_positional_encoding": False, "per_channel_attention": False}
    yield Case("neuraloperator", "CODANO", partial(models.CODANO, **codano), partial(_image, 16))


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
