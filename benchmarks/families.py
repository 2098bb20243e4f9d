"""Two families whose numbers are no likelihoods, on the scoreboard with a mark: a VAE and a masked model.

Both read the held-out text in windows, each alone: no window knows the one before it.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm, trange

from arlm_helpers.models.gpt_config import GPTConfig, compact_config
from arlm_helpers.models.masked import MaskedLM, pseudo_log_likelihood
from arlm_helpers.models.text_autoencoder import TextAutoencoderConfig
from arlm_helpers.models.text_vae import TextVAE
from arlm_helpers.text.pairs import PAD, SPECIALS, TextPair, encode_pairs, special_id
from arlm_helpers.text.tokenizers import CharTokenizer
from arlm_helpers.training.elbo import VAEObjective, elbo_terms, vae_loss
from arlm_helpers.training.kl_schedules import LinearKL
from arlm_helpers.training.masking import MaskedWindows, Masking, train_masked
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.pair_batches import PairBatch, ShuffledPairs
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.weights import load_weights, read_record
from benchmarks.course_gpt import MAX_EPOCHS
from benchmarks.harness import cpu_clock
from benchmarks.recipes import muon
from benchmarks.results import Held, Result

STORED = Path(__file__).resolve().parents[1] / "data" / "checkpoints" / "masked_shakespeare"
WINDOW = 64  # characters
EVERY = 8  # of so many held-out windows the masked model fills one: each costs as many readings as characters
BATCH_SIZE = 32
VAE_STEPS = 1000
VAE_OPTIMIZER = Muon(0.02, adamw=AdamW(0.01))
VAE_SCHEDULE = WarmupFlatLinear(warmup=20, decay=0.5)
VAE_OBJECTIVE = VAEObjective(kl_weight=LinearKL(rise=0.3), free_bits=0.1)


def in_windows(text: str) -> list[str]:
    """The whole text in pieces of ``WINDOW`` characters; the last one may be shorter."""
    return [text[i : i + WINDOW] for i in range(0, len(text), WINDOW)]


def text_vae(held: Held, seed: int) -> Result:
    """Train a VAE on windows, and bound the surprise of each held-out one, its end included, by the ELBO.

    Every held-out character is scored; the true number of bits is at most this. Free bits are part of the
    training only.
    """
    tokenizer = CharTokenizer.from_text(held.train + held.test, specials=SPECIALS)
    pad_id = special_id(tokenizer, PAD)
    copies = {
        name: encode_pairs([TextPair(piece, piece) for piece in in_windows(text)], tokenizer)
        for name, text in (("train", held.train), ("test", held.test))
    }
    config = TextAutoencoderConfig(
        tokenizer.vocab_size, pad_id, d_model=160, d_latent=32, context_length=WINDOW + 1
    )
    rng = torch.Generator().manual_seed(seed)
    with cpu_clock() as training:
        model = TextVAE(config, rng=rng)
        batch_size = min(BATCH_SIZE, len(copies["train"].ids))
        batches = ShuffledPairs(copies["train"], pad_id=pad_id, batch_size=batch_size, seed=seed)
        epoch = len(copies["train"].ids) // batch_size
        fit_vae(model, batches, min(VAE_STEPS, MAX_EPOCHS * epoch), rng)
    test = copies["test"]
    with cpu_clock() as scoring, torch.inference_mode():
        nats = 0.0
        for ids, targets, source in zip(
            *(part.split(500) for part in (test.ids, test.targets, test.source)), strict=True
        ):
            batch = PairBatch(ids, targets, source=source, pad_id=pad_id)
            nats -= elbo_terms(model, batch, rng=rng).elbo.double().sum().item()
    return Result(nats, model.n_parameters, training.seconds, scoring.seconds)


def fit_vae(model: TextVAE, batches: ShuffledPairs, n_steps: int, rng: torch.Generator) -> None:
    """Lower minus the ELBO, with free bits and a KL weight that rises to 1."""
    optimizers = VAE_OPTIMIZER.build(model)
    for step in trange(n_steps, unit="step"):
        loss = vae_loss(model, batches.next_batch(), VAE_OBJECTIVE, step, n_steps, rng=rng) / WINDOW
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * VAE_SCHEDULE(step, n_steps)
            optimizer.step()


def masked_fill_in(held: Held, seed: int) -> Result:
    """Fill in each character of every ``EVERY``-th whole held-out window, all the others of it in sight.

    The course's masked model is stored; on another text it is trained anew.

    Raises:
        ValueError: if the held-out text is shorter than one window.
    """
    if len(held.test) < WINDOW:
        raise ValueError(f"the masked row needs {WINDOW} held-out characters, got {len(held.test)}")
    tokenizer = CharTokenizer.from_text(held.train + held.test)
    model, train_seconds = stored_or_trained_masked(held.train, tokenizer)
    ids = torch.tensor(tokenizer.encode(held.test))
    rows = ids[: len(ids) // WINDOW * WINDOW].view(-1, WINDOW)[::EVERY]
    with cpu_clock() as scoring:
        nats = -pseudo_log_likelihood(model, rows).double().sum().item()
    return Result(nats, model.n_parameters, train_seconds, scoring.seconds, n_characters=rows.numel())


def stored_or_trained_masked(text: str, tokenizer: CharTokenizer) -> tuple[MaskedLM, float]:
    """The masked model for a training text, and the processor seconds of its training."""
    record = read_record(STORED)
    if record["corpus_sha256"] == hashlib.sha256(text.encode()).hexdigest():
        stored_size = record["config"]["vocab_size"] - 1  # MaskedLM adds its mask again
        model = MaskedLM(GPTConfig(**{**record["config"], "vocab_size": stored_size})).half()
        load_weights(model, STORED)
        return model.float().eval(), float(record["cpu_seconds"])
    ids = torch.tensor(tokenizer.encode(text))
    config = compact_config(
        vocab_size=tokenizer.vocab_size, context_length=WINDOW, n_layers=3, n_heads=3, d_model=96,
        ngram_sizes=(),
    )  # fmt: skip
    recipe = muon(700, 0.02, 0.01, decay=0.7)
    with cpu_clock() as training:
        model = MaskedLM(config, rng=torch.Generator().manual_seed(0))
        sizes = {"context_length": WINDOW, "batch_size": min(BATCH_SIZE, max(len(ids) // WINDOW - 1, 1))}
        batches = MaskedWindows(ids, Masking(), mask_id=model.mask_id, **sizes)
        n_steps = min(recipe.n_steps, MAX_EPOCHS * max(len(ids) // (WINDOW * sizes["batch_size"]), 1))
        steps = train_masked(model, batches, replace(recipe, n_steps=n_steps))
        for _ in tqdm(steps, total=n_steps, unit="step"):
            pass
    return model, training.seconds
