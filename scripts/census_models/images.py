"""Models of images: timm, torchvision, monai, segmentation-models-pytorch, diffusers."""

# mypy: disable-error-code="import-not-found"

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from scripts.census_models.cases import Case, image, volume

_TIMM = """
resnet18 resnet26d resnet50 resnetv2_50 skresnet18 resnest14d res2net50_26w_4s seresnet50 ecaresnet26t dla34
repvgg_a0 mobileone_s0 fastvit_t8 repvit_m0_9 repghostnet_050 ghostnet_050 ghostnetv2_100 mobilenetv2_050
mobilenetv3_small_050 mobilenetv4_conv_small hardcorenas_a mnasnet_small semnasnet_075 lcnet_035 tinynet_e
efficientnet_b0 tf_efficientnet_lite0 mixnet_s rexnet_100 regnetx_002 regnety_002 densenet121 hgnetv2_b0 vgg11
starnet_s1 fasternet_t0 convnext_atto convnextv2_atto mambaout_femto inception_next_atto edgenext_xx_small
poolformer_s12 mobilevit_xxs mobilevitv2_050 efficientvit_b0 nf_resnet26 cspresnet50 darknet17 xception41
vovnet39a selecsls42
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
        yield Case("timm", name, partial(package.create_model, name, num_classes=4), partial(image, 64))
    for name in _TIMM_SIZED.split():
        size = 240 if "240" in name else 224
        inputs = partial(image, size, batch=1)
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
        yield Case("torchvision", name, make, partial(image, 64))
    vit = partial(models.VisionTransformer, 32, 8, 2, 2, 16, 32)
    yield Case("torchvision", "VisionTransformer", vit, image)
    lraspp = partial(models.get_model, "lraspp_mobilenet_v3_large", weights=None, weights_backbone=None)
    yield Case("torchvision", "lraspp_mobilenet_v3_large", lraspp, partial(image, 64))


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
            yield Case("monai", name, make, partial(image, size))
    yield Case("monai", "VNet", partial(nets.VNet, spatial_dims=3), volume)
    efficient = partial(nets.EfficientNetBN, "efficientnet-b0", pretrained=False, num_classes=2)
    yield Case("monai", "EfficientNetBN", efficient, partial(image, 64))
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
    encoders = "efficientnet-b0 mobilenet_v2 mit_b0 mobileone_s0 densenet121 vgg11 xception dpn68".split()
    pairs += [("Unet", encoder) for encoder in (*encoders, "timm-efficientnet-b0", "timm-regnetx_002")]
    for name, encoder in pairs:
        make = partial(getattr(package, name), encoder, encoder_weights=None)
        size = 128 if name == "PAN" else 64
        yield Case("segmentation-models-pytorch", f"{name} {encoder}", make, partial(image, size))


def diffusers() -> Iterator[Case]:
    """Yield models of diffusers."""
    import diffusers as package

    small = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 16}
    down, up = ("DownBlock2D", "AttnDownBlock2D"), ("AttnUpBlock2D", "UpBlock2D")
    step = torch.tensor([3])
    unet = partial(
        package.UNet2DModel, **small, down_block_types=down, up_block_types=up, attention_head_dim=4
    )
    yield Case("diffusers", "UNet2DModel", unet, lambda: (image(16, batch=1), step))
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
    yield Case("diffusers", "UNet2DConditionModel", conditional, lambda: (image(16, 4, 1), step, text))
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
    with_image = lambda: (image(16, 4, 1), step, text, image(32, 3, 1))  # noqa: E731
    yield Case("diffusers", "ControlNetModel", control, with_image)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    yield Case(
        "diffusers", "AutoencoderKL", partial(package.AutoencoderKL, **small, **blocks), partial(image, 16)
    )
    vq = {"block_out_channels": (8, 16), "norm_num_groups": 4, "sample_size": 16, **blocks}
    yield Case("diffusers", "VQModel", partial(package.VQModel, **vq), partial(image, 16))
    tiny = {"encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8)}
    tiny |= {"num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1)}
    yield Case("diffusers", "AutoencoderTiny", partial(package.AutoencoderTiny, **tiny), partial(image, 16))
    dit = {
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "in_channels": 4,
        "num_layers": 1,
        "sample_size": 8,
    }
    dit |= {"patch_size": 2, "norm_num_groups": 4, "num_embeds_ada_norm": 10}
    labels = {"class_labels": torch.tensor([1]), "timestep": step}
    inputs = lambda: {"hidden_states": image(8, 4, 1), **labels}  # noqa: E731
    yield Case("diffusers", "DiTTransformer2DModel", partial(package.DiTTransformer2DModel, **dit), inputs)
