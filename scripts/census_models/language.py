"""Models of transformers, of tiny configurations."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from scripts.census_models.cases import Case, image

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
    "ConvNext": {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_stages": 4},
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
            yield Case("transformers", f"{name}Model", make, lambda: {"pixel_values": image(32)})
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
            lambda: {"input_values": image(1)[:, 0, 0, :1].repeat(1, 400)},
        )


def _configured(package: Any, name: str, settings: Mapping[str, Any]) -> nn.Module:
    configuration = getattr(package, f"{name}Config")(**settings)
    return getattr(package, f"{name}Model")(configuration)
