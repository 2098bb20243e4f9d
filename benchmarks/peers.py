"""The recipe that ours are compared with: nanoGPT's small Shakespeare model for a CPU, as published.

4 layers, 4 heads, width 128, context 64, batch 12, 2,000 steps, AdamW from 1e-3 to 1e-4 along a cosine after
100 steps of warm-up, β₂ 0.99, weight decay 0.1, gradients clipped at 1, no dropout. The model is GPT-2
of ``transformers`` with these sizes, so neither model nor optimizer is ours.

Source:
    https://github.com/karpathy/nanoGPT, README, "I only have a macbook"; config/train_shakespeare_char.py
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2LMHeadModel

N_STEPS, CONTEXT, BATCH = 2000, 64, 12
PUBLISHED_NATS = 1.88  # on Tiny Shakespeare, says its README


class NanoGPT(nn.Module):
    """GPT-2 of ``transformers`` in the sizes of the recipe, answering the call of our models."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        sizes = {"n_layer": 4, "n_head": 4, "n_embd": 128, "n_positions": CONTEXT, "vocab_size": vocab_size}
        no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        special = {"bos_token_id": 0, "eos_token_id": 0}
        self.gpt = GPT2LMHeadModel(
            GPT2Config(**sizes, **no_dropout, **special, activation_function="gelu", use_cache=False)
        )

    def forward(self, ids: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Logits of all positions."""
        return self.gpt(ids).logits


def learning_rate(step: int) -> float:
    """The published schedule at a step counted from 0."""
    if step < 100:
        return 1e-3 * (step + 1) / 101
    progress = (step - 100) / (N_STEPS - 100)
    return 1e-4 + 0.5 * (1 + math.cos(math.pi * progress)) * (1e-3 - 1e-4)


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    """Fused AdamW that decays matrices and embeddings, not biases and norms."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)


def start(ids: Int[Tensor, " text"], vocab_size: int, seed: int) -> tuple[NanoGPT, Iterator[float]]:
    """A new model and the losses of its steps, which are taken as they are asked for."""
    torch.manual_seed(seed)
    model = NanoGPT(vocab_size)
    return model, steps(model, ids, torch.Generator().manual_seed(seed))


def steps(model: NanoGPT, ids: Int[Tensor, " text"], rng: torch.Generator) -> Iterator[float]:
    """The training loop of the recipe: random windows, with replacement."""
    optimizer = optimizer_of(model)
    for step in range(N_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        starts = torch.randint(len(ids) - CONTEXT, (BATCH, 1), generator=rng)
        windows = ids[starts + torch.arange(CONTEXT + 1)]
        logits = model(windows[:, :-1])
        loss = cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield loss.item()
