"""Models for timing: models of ``transformers`` with the weights of ours, and a small model made large."""

import time
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.generation.streamers import BaseStreamer

from arlm_helpers.models.gpt_config import GPTConfig, llama_config
from arlm_helpers.models.loading import LLAMA_NAMES, load_gpt2_state, renamed
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.tokenizers import ByteTokenizer, Tokenizer
from benchmarks.decoding_clock import Loop


def twins(config: GPTConfig, seed: int = 0) -> tuple[GPT, GPT2LMHeadModel]:
    """A GPT-2 of ``transformers`` with random weights, and ours with the same."""
    torch.manual_seed(seed)
    sizes = {"n_layer": config.n_layers, "n_head": config.n_heads, "n_embd": config.d_model}
    lengths = {"vocab_size": config.vocab_size, "n_positions": config.context_length}
    theirs = GPT2LMHeadModel(GPT2Config(**sizes, **lengths, bos_token_id=0, eos_token_id=0)).eval()
    ours = GPT(config).eval()
    load_gpt2_state(ours, theirs.state_dict())
    return ours, theirs


def llama_twin(model: GPT) -> LlamaForCausalLM:
    """The Llama of ``transformers`` that has our weights, the very tensors."""
    config = model.config
    theirs = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config.vocab_size, max_position_embeddings=config.context_length,
            num_hidden_layers=config.n_layers, num_attention_heads=config.n_heads,
            num_key_value_heads=config.n_kv_heads, hidden_size=config.d_model, intermediate_size=config.d_ff,
            rms_norm_eps=config.norm_eps, tie_word_embeddings=config.tied, attention_bias=config.bias,
            rope_parameters={"rope_type": "default", "rope_theta": config.rotary_base},
        )
    )  # fmt: skip
    their_names = {ours: name for name, ours in LLAMA_NAMES.items()}
    state = {renamed(name, their_names): tensor for name, tensor in model.state_dict().items()}
    given = {name if name.startswith("lm_head") else f"model.{name}": state[name] for name in state}
    theirs.load_state_dict(given, assign=True)
    theirs.tie_weights()
    return theirs.eval()


def tiny_chat_model() -> tuple[GPT, Tokenizer]:
    """Random weights and 256 bytes: a chat model of no use, for a quick run."""
    torch.manual_seed(0)
    sizes = {"context_length": 512, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "d_model": 32, "d_ff": 64}
    return GPT(llama_config(vocab_size=256, **sizes)).eval(), ByteTokenizer()


@torch.inference_mode()
def assert_parity(logits: Float[Tensor, "batch time vocab"], theirs: PreTrainedModel, ids: Tensor) -> None:
    """Our logits are theirs, to 1e-4; otherwise there is nothing to compare."""
    torch.testing.assert_close(logits, theirs(ids).logits, rtol=1e-4, atol=1e-4)


class ArrivalTimes(BaseStreamer):
    """Writes down when ``transformers`` begins, and when it has which token."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: Tensor) -> None:
        """Called with the prompt, then with each token."""
        self.times.append(time.process_time())

    def end(self) -> None:
        """Called at the end."""


def library_loop(model: PreTrainedModel, ids: Int[Tensor, "1 time"], n: int, *, greedy: bool) -> Loop:
    """``generate`` of ``transformers`` with its cache, sampling without filters or greedy."""
    model.generation_config.eos_token_id = None  # all of the n tokens

    def loop() -> list[float]:
        clock = ArrivalTimes()
        options = {"do_sample": not greedy} | ({} if greedy else {"top_k": 0})
        model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=n,
            pad_token_id=0,
            streamer=clock,
            **options,
        )
        return clock.times

    return loop


@torch.no_grad()
def widened(model: GPT, factor: int, n_layers: int) -> GPT:
    """A model ``factor`` times as wide that says what ``model`` says, with layers behind it that add nothing.

    Every unit is there ``factor`` times; what reads them divides by it. So costs are those of a large model,
    and agreement with a draft is that of a trained one.

    Source:
        Chen, Goodfellow and Shlens (2016), Net2Net, sections 2.3 and 2.4, https://arxiv.org/abs/1511.05641
    """
    small = model.config
    config = replace(
        small, d_model=factor * small.d_model, n_heads=factor * small.n_heads, n_layers=n_layers, tied=False,
        n_kv_heads=factor * (small.n_kv_heads or small.n_heads),
        d_ff=factor * (small.d_ff or 4 * small.d_model),
    )  # fmt: skip
    wide, given = GPT(config).eval(), dict(model.named_parameters(remove_duplicate=False))
    for name, parameter in wide.named_parameters():
        if name in given:
            repeats = [n // m for n, m in zip(parameter.shape, given[name].shape, strict=True)]
            reads = parameter.ndim == 2 and name.startswith(("blocks", "head"))
            parameter.copy_(given[name].tile(repeats) / (repeats[-1] if reads else 1))
    for block in wide.blocks[small.n_layers :]:
        for layer in (block.attention.output, block.feed_forward.down):
            for parameter in layer.parameters():
                parameter.zero_()
    return wide
