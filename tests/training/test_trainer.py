"""The training loop: the arithmetic of a step, what it leaves alone, and how it stops."""

import pytest
import torch
from torch import nn

from arlm_helpers.models.gpt_config import GPTConfig
from arlm_helpers.models.transformer import GPT
from arlm_helpers.training.batches import ShuffledWindows, Streams
from arlm_helpers.training.checkpoints import Checkpoints
from arlm_helpers.training.config import TrainConfig
from arlm_helpers.training.losses import cross_entropy
from arlm_helpers.training.optimizers import AdamW, Muon
from arlm_helpers.training.schedules import WarmupFlatLinear
from arlm_helpers.training.trainer import DivergedError, train
from tests.training.tiny import TEXT, TinyLSTM, assert_same_weights, weights


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def windows(batch_size=4):
    return ShuffledWindows(TEXT, context_length=16, batch_size=batch_size)


def config(n_steps=5, **settings):
    return TrainConfig(**{"n_steps": n_steps, "optimizer": AdamW(0.02), **settings})


def train_by_hand(model, batches, n_steps, lr=0.02, clip=None):
    """The plain loop, with torch's loss and unfused optimizer; gives losses and gradient norms."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.0)
    for _ in range(n_steps):
        batch = batches.next_batch()
        loss = nn.functional.cross_entropy(model(batch.ids).flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        norm = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        yield loss.item(), norm.item()


@pytest.mark.parametrize("clip", [None, 0.1])
def test_training_equals_the_plain_loop(clip):
    model, other = TinyLSTM(), TinyLSTM()
    steps = list(train(model, windows(), config(clip=clip)))
    expected = list(train_by_hand(other, windows(), 5, clip=clip))
    assert [step.loss for step in steps] == pytest.approx([loss for loss, _ in expected], rel=1e-5)
    assert [step.gradient_norm for step in steps] == pytest.approx([norm for _, norm in expected], rel=1e-4)
    torch.testing.assert_close(weights(model), weights(other), atol=1e-5, rtol=1e-4)


def test_clipping_limits_the_gradient_that_the_optimizer_sees():
    model = TinyLSTM()
    [step] = train(model, windows(), config(1, clip=0.1))
    clipped = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm().item()
    assert step.gradient_norm > 0.2 and clipped == pytest.approx(0.1, rel=1e-4)


def test_accumulated_small_batches_equal_one_large_batch():
    model, other = TinyLSTM().double(), TinyLSTM().double()
    small = list(train(model, windows(batch_size=2), config(accumulate=4)))
    large = list(train(other, windows(batch_size=8), config()))
    torch.testing.assert_close(weights(model), weights(other), atol=1e-6, rtol=0)
    assert [step.loss for step in small] == pytest.approx([step.loss for step in large], abs=1e-6)
    assert [step.n_tokens for step in small] == [step.n_tokens for step in large] == [128, 256, 384, 512, 640]


def test_steps_tell_the_learning_rate_of_the_schedule():
    steps = train(TinyLSTM(), windows(), config(4, schedule=WarmupFlatLinear(2, 0.5), optimizer=Muon(0.4)))
    told = [(step.step, step.learning_rate) for step in steps]
    assert told == [(1, 0.2), (2, 0.4), (3, 0.4), (4, 0.2)]


def test_all_optimizers_follow_the_schedule():
    model, other = TinyLSTM(), TinyLSTM()
    list(train(model, windows(), config(1, schedule=lambda step, n_steps: 0.5, optimizer=Muon(0.4))))
    list(train(other, windows(), config(1, optimizer=Muon(0.2, adamw=AdamW(0.005)))))
    assert_same_weights(model, other)


@pytest.mark.parametrize("optimizer", [AdamW(0.03), Muon(0.05, adamw=AdamW(0.03))], ids=["adamw", "muon"])
@pytest.mark.parametrize("batches", [ShuffledWindows, Streams])
def test_the_loss_falls_on_a_text_that_repeats(optimizer, batches):
    read = batches(TEXT, context_length=16, batch_size=4)
    steps = list(train(TinyLSTM(), read, config(100, optimizer=optimizer)))
    assert steps[0].loss > 3.2 and steps[-1].loss < 1.8


def test_streams_carry_the_state_but_not_the_gradient():
    model, other = TinyLSTM(), TinyLSTM()
    streams = Streams(TEXT[:257], context_length=16, batch_size=4)  # four windows to a stream
    losses = [step.loss for step in train(model, streams, config(8, optimizer=AdamW(1e-12)))]
    whole = Streams(TEXT[:257], context_length=64, batch_size=4).next_batch()
    with torch.no_grad():
        logits = other(whole.ids)
    expected = [
        cross_entropy(logits[:, at : at + 16], whole.targets[:, at : at + 16]) for at in (0, 16, 32, 48)
    ]
    assert losses == pytest.approx([loss.item() for loss in expected * 2], abs=1e-5)


def test_streams_are_refused_for_a_model_whose_state_cannot_be_carried_on():
    gpt = GPT(GPTConfig(vocab_size=32, context_length=16, n_layers=1, n_heads=2, d_model=8))
    for model in (gpt, nn.Embedding(32, 32)):
        steps = train(model, Streams(TEXT, context_length=16, batch_size=4), config())
        with pytest.raises(
            ValueError, match=rf"Streams need a recurrent.*{type(model).__name__}.*use Shuffled"
        ):
            next(steps)


def test_the_model_learns_with_dropout_and_is_looked_at_without():
    model = TinyLSTM(dropout=0.5).eval()
    for _ in train(model, windows(), config(3)):
        assert not model.training
        assert torch.equal(model(TEXT[None, :9]), model(TEXT[None, :9]))
    plain = TinyLSTM()
    list(train(plain, windows(), config(3)))
    assert not torch.equal(plain.head.weight, model.head.weight)


def test_without_dropout_global_random_states_are_left_alone():
    before = torch.get_rng_state()
    list(train(TinyLSTM(), windows(), config()))
    assert torch.equal(torch.get_rng_state(), before)


def test_gradients_left_by_others_are_not_learned_from():
    model, other = TinyLSTM(), TinyLSTM()
    model(TEXT[None]).sum().backward()
    list(train(model, windows(), config(2)))
    list(train(other, windows(), config(2)))
    assert_same_weights(model, other)


def test_bfloat16_runs_on_the_cpu_and_stays_close():
    model, other = TinyLSTM(), TinyLSTM()
    bf16 = list(train(model, windows(), config(20, precision="bf16")))
    fp32 = list(train(other, windows(), config(20)))
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert bf16[-1].loss == pytest.approx(fp32[-1].loss, rel=0.02) and bf16[-1].loss != fp32[-1].loss


@pytest.mark.parametrize("batches", [ShuffledWindows, Streams])
def test_a_compiled_model_learns_the_same(batches):
    model, other = TinyLSTM(), TinyLSTM()
    compiled, plain = config(3, compile="eager"), config(3)
    list(train(model, batches(TEXT, context_length=16, batch_size=4), compiled))
    list(train(other, batches(TEXT, context_length=16, batch_size=4), plain))
    torch.testing.assert_close(weights(model), weights(other), atol=1e-6, rtol=0)


class Breaking(TinyLSTM):
    """From the third batch on, the logits are multiplied by a factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor, self.n_read = factor, 0

    def forward(self, ids, cache=None):
        self.n_read += 1
        return super().forward(ids, cache) * (self.factor if self.n_read > 2 else 1.0)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_before_the_weights_move(factor):
    model, other = Breaking(factor), TinyLSTM()
    with pytest.raises(
        DivergedError, match=r"step 3 diverged: loss nan, .* learning rate 0.02; .* of step 2"
    ):
        list(train(model, windows(), config()))
    list(train(other, windows(), config(2)))
    assert_same_weights(model, other)


def test_an_infinite_gradient_stops_before_the_weights_move():
    model, before = TinyLSTM(), weights(TinyLSTM())
    model.head.weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(DivergedError, match=r"step 1 diverged: loss 3\.\d+, gradient norm (nan|inf)"):
        next(train(model, windows(), config()))
    torch.testing.assert_close(weights(model), before, atol=0, rtol=0)


@pytest.mark.parametrize(("every", "saved"), [(None, "nothing"), (1, "step 2")])
def test_the_error_of_a_diverged_run_names_the_last_checkpoint(tmp_path, every, saved):
    with pytest.raises(DivergedError, match=f"the last good checkpoint is {saved}"):
        list(train(Breaking(torch.nan), windows(), config(checkpoint_every=every), folder=tmp_path))
    assert len(list(tmp_path.glob("step_*.json"))) == (2 if every else 0)


def test_leaving_the_loop_saves_and_the_same_call_goes_on(tmp_path):
    for step in train(TinyLSTM(), windows(), config(), folder=tmp_path):
        if step.step == 3:
            break
    model, other = TinyLSTM(seed=9), TinyLSTM()
    assert [step.step for step in train(model, windows(), config(), folder=tmp_path)] == [4, 5]
    list(train(other, windows(), config()))
    assert_same_weights(model, other)


@pytest.mark.parametrize(("every", "expected"), [(None, [5]), (2, [2, 4, 5]), (5, [5])])
def test_the_run_is_saved_as_often_as_asked_and_once_at_the_end(tmp_path, monkeypatch, every, expected):
    saved = []
    monkeypatch.setattr(Checkpoints, "save", lambda self, tensors, facts: saved.append(facts["step"]))
    list(train(TinyLSTM(), windows(), config(checkpoint_every=every), folder=tmp_path))
    assert saved == expected


def test_a_finished_run_that_is_called_again_gives_the_trained_model_at_once(tmp_path):
    model, again = TinyLSTM(), TinyLSTM(seed=9)
    list(train(model, windows(), config(), folder=tmp_path))
    assert list(train(again, windows(), config(), folder=tmp_path)) == []
    assert_same_weights(again, model)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list(train(TinyLSTM(), windows(), config(checkpoint_every=1)))
    assert list(tmp_path.iterdir()) == []
