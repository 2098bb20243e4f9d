"""In which order well-known engines apply their processors: the same settings, other texts."""

from collections.abc import Sequence

from arlm_helpers.decoding.logits import MinP, Temperature, TopK, TopP, TypicalP
from arlm_helpers.decoding.penalties import (
    FrequencyPenalty,
    LogitBias,
    NoRepeatNGram,
    PresencePenalty,
    RepetitionPenalty,
)
from arlm_helpers.decoding.sampling import Processor

# What an engine does not have stands where its nearest relative would: Hugging Face has no frequency and
# presence penalty, llama.cpp no n-gram rule of this kind, vLLM neither that nor typical-p.
ORDERS: dict[str, tuple[type, ...]] = {
    "Hugging Face": (
        LogitBias, RepetitionPenalty, FrequencyPenalty, PresencePenalty, NoRepeatNGram,
        Temperature, TopK, TopP, MinP, TypicalP,
    ),
    "llama.cpp": (
        LogitBias, RepetitionPenalty, FrequencyPenalty, PresencePenalty, NoRepeatNGram,
        TopK, TypicalP, TopP, MinP, Temperature,
    ),
    "vLLM": (
        LogitBias, NoRepeatNGram, RepetitionPenalty, FrequencyPenalty, PresencePenalty,
        Temperature, MinP, TypicalP, TopK, TopP,
    ),
}  # fmt: skip


def arrange(processors: Sequence[Processor], order: str) -> list[Processor]:
    """The same processors in the order of an engine, a key of ``ORDERS``.

    Two of one kind keep their order. A processor of no kind in ``ORDERS``, such as a mask of the reader's,
    comes first, before anything is cut: several such keep their order too.

    Raises:
        ValueError: if no engine has that name.
    Source:
        transformers 5, ``GenerationMixin._get_logits_processor``; llama.cpp, ``common_params_sampling``;
        vLLM 0.22, ``vllm.v1.sample.sampler.Sampler``, https://docs.vllm.ai/en/v0.22.1/api/vllm/v1/sample/sampler
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
    kinds = ORDERS[order]
    return sorted(processors, key=lambda one: kinds.index(type(one)) if type(one) in kinds else -1)
