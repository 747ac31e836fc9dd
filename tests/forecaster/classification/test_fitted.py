"""Classifiers: what they learn, and that a case is told by itself alone."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from forecaster.classification.cases import Cases, classes_of
from forecaster.classification.fitted import ClassifierConfig, fit_classifier, load_classifier
from forecaster.classification.inputs import ChannelScaler, Vocabulary, words_of
from forecaster.config import ModelConfig, TrainerConfig

from cases import moods, tones

KINDS = ("lstm", "gru", "rnn", "lstm_peephole", "lstm_layernorm", "lstm_attention", "segment_lstm", "slstm", "mlstm")


def config(kind="lstm", hidden_size=16, epochs=30, pooling=False, **trainer):
    special = {"segment_length": 4} if kind == "segment_lstm" else {}
    trainer = {"epochs": epochs, "batch_size": 8, "learning_rate": 1e-2, "weight_decay": 0.0, **trainer}
    return ClassifierConfig(
        model=ModelConfig(kind=kind, hidden_size=hidden_size, num_heads=2, **special)
        if kind in ("slstm", "mlstm")
        else ModelConfig(kind=kind, hidden_size=hidden_size, **special),
        trainer=TrainerConfig(**trainer),
        embedding=8,
        pooling=pooling,
    )


def accuracy(fitted, cases):
    called = np.array(fitted.classes)[fitted.chances(cases).argmax(axis=1)]
    return float((called == np.array(cases.labels)).mean())


def test_an_lstm_remembers_the_first_step_of_series_of_unequal_length():
    fitted = fit_classifier(tones(), config(), seed=1)
    assert fitted.classes == ("high", "low")
    assert accuracy(fitted, tones(60, seed=9)) >= 0.95
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]


def test_an_lstm_learns_which_words_matter():
    fitted = fit_classifier(moods(), config(), seed=1)
    assert isinstance(fitted.reader, Vocabulary)
    assert accuracy(fitted, moods(60, seed=9)) >= 0.95


@pytest.mark.parametrize(("kind", "pooling"), [*((kind, False) for kind in KINDS), ("gru", True)])
def test_every_architecture_tells_a_case_alone_as_it_tells_it_among_others(kind, pooling):
    cases = tones(16)
    fitted = fit_classifier(cases, config(kind, hidden_size=4, epochs=1, pooling=pooling), seed=2)
    together = fitted.chances(cases)
    alone = np.concatenate([fitted.chances(cases.of([number])) for number in range(len(cases))])
    np.testing.assert_allclose(alone, together, atol=2e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1.0, atol=1e-12)
    assert fitted.states(cases).shape == (16, fitted.networks[0].network.hidden_width)


def test_the_default_is_an_lstm_and_a_dense_softmax_on_its_last_state():
    cases = tones(12)
    fitted = fit_classifier(cases, config(epochs=2), seed=3)
    network, scaler = fitted.networks[0], fitted.reader
    lstm, dense = network.network.recurrent, network.network.decoder
    assert isinstance(lstm, nn.LSTM)
    for value, told in zip(scaler.read(cases), fitted.chances(cases), strict=True):
        with torch.no_grad():
            _, (last, _) = lstm(torch.from_numpy(value)[None])
            chances = torch.softmax(last[-1] @ dense.weight.T + dense.bias, dim=1)[0]
        np.testing.assert_allclose(told, chances.numpy(), atol=1e-6)


def test_pooled_a_case_is_told_by_mean_and_greatest_of_what_is_read_from_both_ends():
    cases = tones(12)
    network = fit_classifier(cases, config(epochs=1, hidden_size=4, pooling=True), seed=3).networks[0].network
    onward, back = nn.LSTM(2, 4, batch_first=True), nn.LSTM(2, 4, batch_first=True)
    for name, weights in network.recurrent.state_dict().items():
        one = back if name.endswith("_reverse") else onward
        getattr(one, name.removesuffix("_reverse")).data.copy_(weights)
    for value in cases.values:
        sequence = torch.from_numpy(value).float()[None]
        with torch.no_grad():
            states = torch.cat((onward(sequence)[0], back(sequence.flip(1))[0].flip(1)), dim=2)[0]  # (L, 2 D)
            told = network.encode(sequence)[0]
        torch.testing.assert_close(told, torch.cat((states.mean(0), states.amax(0))), atol=1e-6, rtol=0.0)


def test_a_lexicon_tells_words_that_were_never_learned():
    lexicon = {"fine": 2.0, "bright": 2.0, "glad": 2.0, "gloomy": -2.0, "poor": -2.0, "sad": -2.0}
    lexicon |= {"merry": 2.0, ":(": -2.0, "two words": 9.0}
    fitted = fit_classifier(moods(), dataclasses.replace(config(epochs=60), lexicon=lexicon), seed=1)
    others = {"fine": "merry", "bright": "merry", "glad": "merry", "gloomy": ":(", "poor": ":(", "sad": ":("}
    new = moods(60, seed=9)
    texts = tuple(" ".join(others.get(word, word) for word in text.split()) for text in new.values)
    assert accuracy(fitted, dataclasses.replace(new, values=texts)) >= 0.9
    assert dict(fitted.reader.scores)["merry"] == 1.0
    assert "two words" not in fitted.reader.scores
    assert (fitted.reader.table()[1] == 0.0).all()


@pytest.mark.parametrize(
    ("cases", "settings"),
    [(moods(12), {"model": ModelConfig(hidden_size=16, dropout=0.5)}), (tones(12), {"noise": 0.5})],
    ids=["dropout", "noise"],
)
def test_dropout_and_noise_are_for_learning_alone(cases, settings):
    other = dataclasses.replace(config(epochs=2), **settings)
    fitted, plain = (fit_classifier(cases, one, seed=3) for one in (other, config(epochs=2)))
    np.testing.assert_array_equal(fitted.chances(cases), fitted.chances(cases))
    assert not np.allclose(fitted.chances(cases), plain.chances(cases))


def test_before_it_learns_all_classes_are_equally_likely():
    fitted = fit_classifier(tones(12), config(epochs=1, learning_rate=1e-12), seed=3)
    np.testing.assert_allclose(fitted.chances(tones(12)), 0.5, atol=1e-6)


def test_the_same_seed_gives_the_same_bytes_and_leaves_random_numbers_alone(tmp_path):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
        fit_classifier(moods(12), config(epochs=2, members=2), seed=5).save(folder)
    assert torch.equal(before, torch.get_rng_state())
    for name in ("weights.safetensors", "classifier.json"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


@pytest.mark.parametrize(
    ("cases", "lexicon"),
    [(tones(12), None), (moods(12), None), (moods(12), {"fine": 1.0})],
    ids=["series", "texts", "rated"],
)
def test_what_is_saved_says_the_same_when_it_is_loaded(cases, lexicon, tmp_path):
    fitted = fit_classifier(cases, dataclasses.replace(config(epochs=2, members=2), lexicon=lexicon), seed=5)
    fitted.save(tmp_path)
    loaded = load_classifier(tmp_path)
    np.testing.assert_array_equal(loaded.chances(cases), fitted.chances(cases))
    assert (loaded.classes, loaded.reader) == (fitted.classes, fitted.reader)
    assert loaded.config == dataclasses.replace(fitted.config, lexicon=None)


def test_chances_of_several_networks_are_their_mean():
    cases = tones(12)
    fitted = fit_classifier(cases, config(epochs=2, members=3), seed=5)
    alone = [dataclasses.replace(fitted, networks=(network,)).chances(cases) for network in fitted.networks]
    np.testing.assert_allclose(fitted.chances(cases), np.mean(alone, axis=0))
    assert not np.allclose(alone[0], alone[1])


def test_words_of_the_cases_learned_from_are_known_and_all_others_are_one():
    texts = Cases(("a", "b", "c"), ("Good day!", "good night", "a day"), ("1", "2", "1"))
    vocabulary = Vocabulary.fitted(texts, size=10, longest=3)
    assert vocabulary.words == ("day", "good")  # of two texts each, in order of the alphabet where as common
    (read,) = vocabulary.read(Cases(("d",), ("Day of good hope, day",)))
    np.testing.assert_array_equal(read, [2, 1, 3])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3_4 o’clock!", ["it's", "3", "4", "o’clock", "!"]),  # noqa: RUF001
        ("今天OK好", ["今", "天", "ok", "好"]),
        ("Cafe\u0301 \U0001f600\U0001f622", ["caf\u00e9", "\U0001f600", "\U0001f622"]),
        ("___", []),
        ("well :) ... 5%", ["well", ":)", "...", "5", "%"]),
    ],
)
def test_words_of_any_script_are_found(text, words):
    assert words_of(text) == words


def test_channels_are_scaled_by_the_steps_learned_from_and_what_is_missing_is_the_mean():
    values = (np.array([[1.0, 5.0], [3.0, np.nan]]), np.array([[5.0, 5.0]]))
    cases = Cases(("a", "b"), values, ("1", "2"), ("x", "y"))
    scaler = ChannelScaler.fitted(cases)
    assert scaler.mean == (3.0, 5.0)
    assert scaler.deviation == (pytest.approx(np.sqrt(8.0 / 3.0)), 1.0)
    first, _ = scaler.read(cases)
    np.testing.assert_allclose(first, [[-2.0 / np.sqrt(8.0 / 3.0), 0.0], [0.0, 0.0]], atol=1e-7)


def test_networks_that_were_given_no_time_are_not_kept():
    with pytest.raises(ValueError, match=r"trainer\.lightning ended the training before its first epoch was over"):
        fit_classifier(tones(10), config(lightning={"max_time": "00:00:00:00"}), seed=1)


@given(st.permutations(["1", "1.0", "01", "-2", "10"]), st.permutations(["1", "nan", "b", "inf"]))
def test_classes_stand_in_one_order_whatever_order_they_come_in(numbers, words):
    assert classes_of(numbers) == ("-2", "01", "1", "1.0", "10")
    assert classes_of(words) == ("1", "b", "inf", "nan")
    assert classes_of([word for word in words if word != "b"]) == ("1", "inf", "nan")


def test_channels_are_known_by_their_names_in_whichever_order_they_come():
    cases = tones(8)
    values = tuple(value[:, ::-1] for value in cases.values)
    other = dataclasses.replace(cases, values=values, channels=cases.channels[::-1])
    scaler = ChannelScaler.fitted(cases)
    for told, same in zip(scaler.read(other), scaler.read(cases), strict=True):
        np.testing.assert_array_equal(told, same)


@given(st.integers(-1060, 1019))
def test_numbers_of_any_size_are_read_alike(power):
    size = 2.0**power
    (large,), (usual,) = (
        ChannelScaler.fitted(cases).read(cases)
        for cases in (Cases(("a",), (unit * np.array([[3.0], [-8.0], [1.0]]),), None, ("x",)) for unit in (size, 1.0))
    )
    np.testing.assert_allclose(large, usual, rtol=1e-3)  # subnormal numbers have few digits


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fit_classifier(Cases(("a",), ("x",), ("1",)), config(), seed=0), "two classes or more"),
        (lambda: Cases(("a", "b"), (np.ones((2, 2)), np.ones((2, 3))), None, ("x", "y")), "of the first: b with 3"),
        (lambda: Cases(("a", "b"), ("x", "  ")), "must hold something, was empty: b"),
        (lambda: Cases(("a",), (np.full((2, 1), np.inf),), None, ("x",)), "must be finite, .* are not in a"),
        (lambda: Cases(("a",), (np.full((2, 1), np.nan),), None, ("x",)), "must hold something, was empty: a"),
        (lambda: config("mlstm", pooling=True), "model.kind must be lstm or gru or rnn where all states are pooled"),
        (lambda: config("seq2seq"), "model.kind must read one sequence"),
        (lambda: ClassifierConfig(model=ModelConfig(head="bins"), trainer=TrainerConfig()), "model.head is of"),
        (lambda: ClassifierConfig(model=ModelConfig(), trainer=TrainerConfig(loss="mse")), "trainer.loss is of"),
        (lambda: fit_classifier(tones(8), config(epochs=1), seed=0).chances(moods(2)), "had texts"),
        (lambda: Vocabulary.fitted(moods(8), size=9, longest=9, lexicon={"so so": 1.0}), "a score other than 0, gives"),
        (lambda: fit_classifier(moods(8), config(epochs=1), seed=0).chances(tones(2)), "must be texts"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_apart_is_refused_in_a_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
