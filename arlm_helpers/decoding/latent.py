"""Writing from latent codes: of two lines and all that lies between them, or drawn at random."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from arlm_helpers.decoding.sampling import Processor, generate
from arlm_helpers.models.given import Given
from arlm_helpers.models.text_autoencoder import TextAutoencoder
from arlm_helpers.text.pairs import END, START, decode_target, special_id
from arlm_helpers.text.tokenizers import Tokenizer


def write_codes(
    model: TextAutoencoder,
    codes: Float[Tensor, "batch d_latent"],
    tokenizer: Tokenizer,
    *,
    processors: Sequence[Processor] = (),
    rng: torch.Generator | None = None,
) -> list[str]:
    """The line that the decoder writes from each code, until END or until it is full.

    Without ``rng`` always the likeliest token, so that a code has one line; with it tokens are drawn after
    the ``processors``, and each row by luck of its own.

    Raises:
        ValueError: if a code has another size than the model's.
    """
    begin = torch.full((len(codes), 1), special_id(tokenizer, START), device=codes.device)
    steps = generate(
        Given(model, codes), begin, max_tokens=model.context_length - 1, processors=processors, rng=rng,
        end_id=special_id(tokenizer, END),
    )  # fmt: skip
    written = torch.stack([step.ids for step in steps], dim=1)
    return [decode_target(row, tokenizer) for row in written.tolist()]


def path_between(
    first: Float[Tensor, " d_latent"], last: Float[Tensor, " d_latent"], n_codes: int
) -> Float[Tensor, "n_codes d_latent"]:
    """Codes at equal distances on the straight line from ``first`` to ``last``, both included.

    Raises:
        ValueError: for fewer than two codes.
    """
    if n_codes < 2:
        raise ValueError(f"a path has two ends: n_codes must be at least 2, got {n_codes}")
    share = torch.linspace(0, 1, n_codes, dtype=first.dtype, device=first.device).unsqueeze(1)
    return torch.lerp(first, last, share)


def path_on_sphere(
    first: Float[Tensor, " d_latent"], last: Float[Tensor, " d_latent"], n_codes: int
) -> Float[Tensor, "n_codes d_latent"]:
    """The same by equal turns instead: the length goes from one to the other, and shrinks nowhere between.

    Most of a Gaussian of many dimensions lies near a sphere, and the straight line cuts through its empty
    middle. Codes in (nearly) the same or opposite directions have no plane to turn in: the line is taken.

    Raises:
        ValueError: for fewer than two codes.
    Source:
        Shoemake (1985), https://doi.org/10.1145/325165.325242 (slerp); for codes White (2016),
        section 2.1, https://arxiv.org/abs/1609.04468
    """
    line = path_between(first, last, n_codes)
    lengths = torch.stack([first.norm(), last.norm()])
    if not lengths.min() > 0:
        return line
    ends = torch.stack([first, last]) / lengths.unsqueeze(1)
    angle = (ends[0] @ ends[1]).clamp(-1, 1).acos()
    if angle.sin() < 1e-4:
        return line
    share = torch.linspace(0, 1, n_codes, dtype=first.dtype, device=first.device).unsqueeze(1)
    direction = (((1 - share) * angle).sin() * ends[0] + (share * angle).sin() * ends[1]) / angle.sin()
    return direction * torch.lerp(lengths[0], lengths[1], share)
