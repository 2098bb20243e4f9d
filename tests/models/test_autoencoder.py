"""The dense autoencoder against principal components, ``torch.nn`` and errors by hand."""

import pytest
import torch

from arlm_helpers.models.autoencoder import DenseAutoencoder, DenseAutoencoderConfig


def autoencoder(*sizes, **options):
    config = DenseAutoencoderConfig(sizes, **options)
    return DenseAutoencoder(config, rng=torch.Generator().manual_seed(0)).double()


def some_vectors(n=200, d=10):
    """Vectors whose directions matter more and less, around a mean that is not zero."""
    rng = torch.Generator().manual_seed(1)
    spread = torch.linspace(2.0, 0.2, d, dtype=torch.float64)
    mixed = torch.linalg.qr(torch.randn(d, d, generator=rng, dtype=torch.float64))[0]
    return torch.randn(n, d, generator=rng, dtype=torch.float64) * spread @ mixed + 0.7


def trained(model, x, n_steps=40):
    """The model after as many rounds of a second-order method on all vectors."""
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = model.loss(x)
        loss.backward()
        return loss

    for _ in range(n_steps):
        optimizer.step(closure)
    return model


def error_of_principal_components(x, n):
    """Mean squared error of the best ``n`` directions: the singular values that are left out."""
    left_out = torch.linalg.svd(x - x.mean(dim=0))[1][n:]
    return (left_out.square().sum() / x.numel()).item()


@pytest.mark.parametrize("sizes", [(10, 3), (10, 6, 3)])
def test_a_linear_autoencoder_is_as_good_as_principal_components(sizes):
    x = some_vectors()
    with torch.no_grad():
        error = trained(autoencoder(*sizes, activation="linear"), x).loss(x).item()
    best = error_of_principal_components(x, 3)
    assert best * (1 - 1e-9) <= error <= best * 1.01


def test_a_bend_that_no_plane_can_follow_is_learned_only_with_an_activation():
    t = torch.linspace(-1, 1, 200, dtype=torch.float64)
    parabola = torch.stack([t, t.square()], dim=1)  # a line with a bend: one number says where
    with torch.no_grad():
        bent = trained(autoencoder(2, 8, 1, activation="tanh"), parabola).loss(parabola).item()
    assert bent < 0.1 * error_of_principal_components(parabola, 1)


@pytest.mark.parametrize("activation, function", [("relu", torch.relu), ("tanh", torch.tanh)])
def test_the_layers_of_the_decoder_are_those_of_the_encoder_in_reverse(activation, function):
    model, x = autoencoder(100, 64, 32, activation=activation), some_vectors(3, 100)
    w = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    assert [tuple(weight.shape) for weight in w] == [(64, 100), (32, 64), (64, 32), (100, 64)]
    assert model.encode(x).shape == (3, 32)
    expected = function(function(x @ w[0].T) @ w[1].T @ w[2].T) @ w[3].T  # all biases are zero at first
    torch.testing.assert_close(model(x), expected)
    assert model.n_parameters == 2 * (64 * 100 + 32 * 64) + 64 + 32 + 64 + 100


def test_cross_entropy_is_that_of_the_probabilities_that_come_back():
    model, x = autoencoder(6, 2, loss="cross-entropy"), some_vectors(5, 6).sigmoid().round()
    probs = model(x)
    assert ((probs > 0) & (probs < 1)).all()
    by_hand = -torch.where(x == 1, probs, 1 - probs).log().mean()
    torch.testing.assert_close(model.loss(x), by_hand)


@pytest.mark.parametrize("loss", ["squared-error", "cross-entropy"])
def test_denoising_compares_what_comes_back_with_the_undamaged_vector(loss):
    model, x = autoencoder(6, 2, loss=loss), some_vectors(5, 6).sigmoid()
    damaged = x * torch.tensor([1, 0, 1, 1, 0, 1])
    back = model(damaged)
    error = {
        "squared-error": lambda: (back - x).square().mean(),
        "cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(back, x),
    }[loss]()
    torch.testing.assert_close(model.loss(damaged, x), error)
    assert (model.loss(damaged) - error).abs() > 1e-4


def test_cross_entropy_of_something_else_than_a_share_is_refused():
    with pytest.raises(ValueError, match=r"targets in \[0, 1\], got -1 … 3; use loss='squared-error'"):
        autoencoder(2, 1, loss="cross-entropy").loss(torch.tensor([[-1.0, 3.0]], dtype=torch.float64))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sizes": (100,)}, "the input and the latent code at least, got"),
        ({"sizes": (100, 64, 0)}, "the last is the latent code; got \\(100, 64, 0\\)"),
        ({"activation": "sin"}, "activation must be one of linear, relu, tanh, got 'sin'"),
        ({"loss": "mse"}, "loss must be one of squared-error, cross-entropy, got 'mse'"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DenseAutoencoderConfig(**options)
