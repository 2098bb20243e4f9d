"""The command line of completion: the text appears as it is written, a broken character never.

python -m arlm_helpers.decoding.completion --model smollm2 --prompt "Once upon a time"
python -m arlm_helpers.decoding.completion --model gpt_shakespeare --prompt "ROMEO:" --temperature 0.8
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

import torch

from arlm_helpers.decoding.completion import check_count, completion_policy, prompt_ids
from arlm_helpers.decoding.sampling import generate
from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.numpy_gpt import NumpyGPT
from arlm_helpers.models.pretrained import load_smollm2
from arlm_helpers.models.rnn import RNNConfig, RNNLanguageModel
from arlm_helpers.models.transformer import GPT
from arlm_helpers.text.catalogue import data_folder
from arlm_helpers.text.chat import END, chat_ids
from arlm_helpers.text.pairs import special_id
from arlm_helpers.text.streaming import StreamingDecoder
from arlm_helpers.text.tokenizers import CharTokenizer, Tokenizer
from arlm_helpers.training.weights import load_weights, read_record

SMOLLM2 = "smollm2"
STORED_MODELS = ("gpt_shakespeare", "lstm_shakespeare")
CLASSES_OF_RECORDS = {"GPT": (GPT, GPTConfig), "RNNLanguageModel": (RNNLanguageModel, RNNConfig)}


def load_named(name: str):
    """A model by its name, as fast as it can be had here, and its tokenizer.

    Raises:
        ValueError: if it was not fetched or is damaged; the message says what to do.
    """
    if name == SMOLLM2:
        model, tokenizer = load_smollm2(progress=sys.stderr.isatty())
        return NumpyGPT(model), tokenizer
    path = data_folder() / "checkpoints" / name
    record = read_record(path)
    kind, config = CLASSES_OF_RECORDS[record["model"]]
    model = kind(config(**record["config"])).half()
    load_weights(model, path)
    model = model.float().eval()
    return NumpyGPT(model) if kind is GPT else model, CharTokenizer(record["characters"])


@torch.inference_mode()
def completed_pieces(
    model,
    tokenizer: Tokenizer,
    ids: Sequence[int],
    *,
    max_tokens: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int | None = None,
    end_id: int | None = None,
) -> Iterator[str]:
    """The continuation of ``ids`` piece by piece, each as soon as its characters are complete.

    With temperature 0 it is greedy. It ends before ``end_id``, or after ``max_tokens`` tokens.

    Raises:
        ValueError: for a number out of its range, or more ids than the model reads at once.
    """
    check_count("max_tokens", max_tokens, 0)
    limit = getattr(model, "context_length", None)
    if limit is not None and len(ids) > limit:
        raise ValueError(
            f"the prompt has {len(ids):,} tokens, but the model reads {limit:,} at once; shorten it"
        )
    policy = completion_policy(len(ids), temperature=temperature, top_p=top_p)
    rng = None
    if temperature > 0:
        rng = torch.Generator()
        rng.seed() if seed is None else rng.manual_seed(seed)
    decoder = StreamingDecoder(tokenizer)
    prompt = torch.tensor([list(ids)])
    for step in generate(model, prompt, max_tokens=max_tokens, processors=policy, rng=rng, end_id=end_id):
        if (token := int(step.ids[0])) == end_id:
            break
        if text := decoder.push(token):
            yield text
    if text := decoder.flush():
        yield text


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m arlm_helpers.decoding.completion", description="Continue a text as it is written."
    )
    parser.add_argument("--model", default=SMOLLM2, choices=(SMOLLM2, *STORED_MODELS))
    parser.add_argument("--prompt", required=True, help="the text to continue")
    parser.add_argument("--chat", action="store_true", help="the prompt is a question to the chat model")
    parser.add_argument("--max-tokens", type=int, default=100)
    parser.add_argument("--temperature", type=float, default=0.7, help="0 is greedy")
    parser.add_argument("--top-p", type=float, default=0.9)
    parser.add_argument("--seed", type=int, help="the same seed gives the same text; without it, chance")
    options = parser.parse_args(arguments)
    if options.chat and options.model != SMOLLM2:
        parser.error(f"--chat needs --model {SMOLLM2}: the others know no conversation")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit status: 0 done, 1 failed, 130 interrupted."""
    options = parsed(arguments)
    try:
        model, tokenizer = load_named(options.model)
        if options.chat:
            ids, shown = chat_ids(tokenizer, [{"role": "user", "content": options.prompt}]), ""
        else:
            ids, shown = prompt_ids(model, tokenizer, options.prompt)[0].tolist(), options.prompt
        for text in completed_pieces(
            model, tokenizer, ids, max_tokens=options.max_tokens, temperature=options.temperature,
            top_p=options.top_p, seed=options.seed,
            end_id=special_id(tokenizer, END) if options.model == SMOLLM2 else None,
        ):  # fmt: skip
            print(shown + text, end="", flush=True)
            shown = ""
        print(shown)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130
    return 0
