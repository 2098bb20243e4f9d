"""The dense autoencoder: a vector is squeezed through a narrow layer and unfolded again."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

DENSE_ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "tanh": nn.Tanh}
DENSE_LOSSES = ("squared-error", "cross-entropy")


@dataclass(frozen=True)
class DenseAutoencoderConfig:
    """Sizes from the input to the latent code, such as 100, 64, 32; the decoder has them in reverse.

    ``activation`` follows every layer but the last of each half. With "linear" there is none, and the
    whole is one matrix of low rank. The ``loss`` "cross-entropy" takes each number of the input for a
    probability, or a yes or no; "squared-error" takes any number.

    Raises:
        ValueError: for fewer than two sizes, a size below 1, or an unknown ``activation`` or ``loss``.
    """

    sizes: tuple[int, ...] = (100, 64, 32)
    activation: str = "relu"
    loss: str = "squared-error"

    def __post_init__(self) -> None:
        if len(self.sizes) < 2:
            raise ValueError(f"sizes must name the input and the latent code at least, got {self.sizes}")
        if min(self.sizes) < 1:
            raise ValueError(f"every size must be at least 1, the last is the latent code; got {self.sizes}")
        for name, known in (("activation", DENSE_ACTIVATIONS), ("loss", DENSE_LOSSES)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")


def dense_layers(sizes: tuple[int, ...], activation: str, rng: torch.Generator | None) -> nn.Sequential:
    """Linear layers from each size to the next, the activation between them; biases start at zero."""
    layers: list[nn.Module] = []
    for d_in, d_out in pairwise(sizes):
        linear = nn.Linear(d_in, d_out)
        nn.init.xavier_uniform_(linear.weight, generator=rng)
        nn.init.zeros_(linear.bias)
        layers += [linear, DENSE_ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class DenseAutoencoder(nn.Module):
    """Learn to give back its own input, although all of it has to pass through a short code.

    It gives no probability to anything and predicts no next token: an autoencoder is not autoregressive.

    Source:
        Hinton and Salakhutdinov (2006), https://doi.org/10.1126/science.1127647, without the layer-wise
        start; for the linear one, whose best error is that of principal components, Baldi and Hornik (1989).
    """

    def __init__(self, config: DenseAutoencoderConfig, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = dense_layers(config.sizes, config.activation, rng)
        self.decoder = dense_layers(config.sizes[::-1], config.activation, rng)

    def encode(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_latent"]:
        """The code of each vector."""
        return self.encoder(x)

    def decode(self, latent: Float[Tensor, "batch d_latent"]) -> Float[Tensor, "batch d_in"]:
        """The vector that each code stands for; with "cross-entropy" its numbers lie in (0, 1)."""
        outputs = self.decoder(latent)
        return outputs.sigmoid() if self.config.loss == "cross-entropy" else outputs

    def forward(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_in"]:
        """Each vector as it comes back from its code."""
        return self.decode(self.encode(x))

    def loss(
        self, x: Float[Tensor, "batch d_in"], targets: "Float[Tensor, 'batch d_in'] | None" = None
    ) -> Float[Tensor, ""]:
        """Mean error of the numbers that come back: squared difference, or nats of cross-entropy.

        They are compared with ``x``; with ``targets`` where ``x`` is a damaged copy (denoising).

        Raises:
            ValueError: if cross-entropy is asked for targets outside [0, 1].
        Source:
            Vincent et al. (2008), section 2.3, https://doi.org/10.1145/1390156.1390294 (denoising).
        """
        targets = x if targets is None else targets
        if self.config.loss == "squared-error":
            return mse_loss(self(x), targets)
        low, high = (end.item() for end in targets.aminmax())
        if not 0 <= low <= high <= 1:
            raise ValueError(
                f"cross-entropy needs targets in [0, 1], got {low:.3g} … {high:.3g}; use loss='squared-error'"
            )
        return binary_cross_entropy_with_logits(self.decoder(self.encode(x)), targets)

    @property
    def n_parameters(self) -> int:
        """Numbers the model has learned."""
        return sum(parameter.numel() for parameter in self.parameters())

    def matrices(self) -> dict[str, int]:
        """The weight matrices by name, each a single block: what Muon orthogonalises."""
        return {name: 1 for name, parameter in self.named_parameters() if parameter.ndim == 2}
