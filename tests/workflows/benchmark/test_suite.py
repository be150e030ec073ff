"""A suite is read and checked: what is unknown, doubled or out of range is named in one line."""

from __future__ import annotations

import numpy as np
import pytest

from facies.errors import InputError
from facies.workflows.benchmark.set_files import VARIABLE, data_folder, find_set, input_of
from facies.workflows.benchmark.suite import SetEntry, read_suite
from tests.workflows.benchmark.factories import make_suite

TWO = '[sets]\ndigits = "digits"\n[methods]\n'


def test_what_a_suite_says(tmp_path):
    suite = read_suite(make_suite(tmp_path))
    assert [(images.name, method.name, seed) for images, method, seed in suite.runs] == [
        ("squares", "dec", 0), ("squares", "idec", 0), ("squares", "dec", 1), ("squares", "idec", 1),
    ]  # fmt: skip
    images, dec, _ = suite.runs[0]
    assert dec.parameters_for(images, 1) == {"training.epochs": 2, "random_state": 1, "n_clusters": 3}
    assert suite.published["dec"]["mnist"] == 0.843


def test_one_method_may_stand_there_with_several_parameters(tmp_path):
    text = (
        TWO + 'short = { method = "dec", parameters = { training = { epochs = 2 }, n_clusters = 4 } }\ndec = "paper"\n'
    )
    short, dec = read_suite(make_suite(tmp_path, text)).methods
    assert (short.method, short.preset, dec.preset) == ("dec", "quick", "paper")
    assert short.parameters_for(SetEntry("a", "a", n_groups=9), 0)["n_clusters"] == 4


def test_a_method_that_finds_the_number_is_told_only_where_the_suite_says_so(tmp_path):
    text = TWO + 'pretrained = {}\ntold = { method = "pretrained", n_groups = "given" }\n'
    found, told = read_suite(make_suite(tmp_path, text)).methods
    images = SetEntry("a", "a", n_groups=7)
    assert found.parameters_for(images, 0) == {"random_state": 0}
    assert told.parameters_for(images, 0) == {"random_state": 0, "grouping.n_clusters": 7}
    text = TWO + "ibot-c = {}\ncontrastive = { parameters = { 'grouping.n_clusters' = 5 } }\n"  # both ask for a number
    fixed, own = read_suite(make_suite(tmp_path, text)).methods
    assert fixed.parameters_for(images, 0) == {"random_state": 0, "grouping.n_clusters": 7}
    assert own.parameters_for(images, 0) == {"random_state": 0, "grouping.n_clusters": 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TWO + "decc = {}", r"\[methods\] decc: there is no method 'decc'; did you mean 'dec'"),
        (TWO + "dec = { preset = 'quik' }", r"no preset 'quik'; did you mean 'quick'"),
        (TWO + "dec = { parameters = { 'training.epoch' = 3 } }", r"training\.epoch.*training\.epochs"),
        (TWO + "dec = { parameters = { 'training.epochs' = 0 } }", r"training\.epochs=0: give"),
        (TWO + "dec = { parameters = { random_state = 3 } }", "list seeds"),
        (TWO + "dec = { n_groups = 'found' }", "cannot find the number"),
        (TWO + "ibot-c = { n_groups = 'found' }", "preset or parameters ask for 10 groups; leave n_groups out"),
        (TWO + "dec = { sed = 1 }", "there is no 'sed'"),
        (TWO + "dec = {}\ndec = {}", "a name stands there twice"),
        (TWO + "dec = {}\nDEC = { method = 'dec' }", "methods: dec stands there twice"),
        (TWO + "'../dec' = { method = 'dec' }", "a name has letters"),
        ("seeds = [1, 1]\n" + TWO + "dec = {}", "seeds: 1 stands there twice"),
        ("seeds = [-1]\n" + TWO + "dec = {}", "seeds=-1: give a whole number of 0 or more"),
        ("seeds = 3\n" + TWO + "dec = {}", "seeds=3: give a list"),
        ("sets = 3\n[methods]\ndec = {}", r"has no \[sets\]"),
        ("[sets]\na = { sauce = 'b' }\n[methods]\ndec = {}", "there is no 'sauce'; did you mean 'source'"),
        ("[sets]\na = { n_groups = 1 }\n[methods]\ndec = {}", "n_groups=1: give a whole number of 2 or more"),
        ("[method]\ndec = {}", "there is no 'method'; did you mean 'methods'"),
        (TWO + "dec = {}\n[published]\ndec = { mnist = 84.3 }", "accuracies from 0 to 1"),
        ("[sets\n", "is no TOML"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path, text, said):
    with pytest.raises(InputError, match=said) as caught:
        read_suite(make_suite(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "suite.toml") in str(caught.value)


def test_a_set_lies_in_a_folder_of_data_sets_or_beside_the_suite(tmp_path, monkeypatch):
    suite, data = make_suite(tmp_path), tmp_path / "data"
    (data / "usps").mkdir(parents=True)
    (data / "several").mkdir()
    for name in ("usps/usps.npz", "several/one.npz", "several/two.npz", "alone.npz"):
        np.savez(data / name, images=np.zeros((4, 8, 8)))

    def found(source):
        return find_set(SetEntry("x", source), suite, data)

    assert found("usps") == data / "usps" / "usps.npz"
    assert found("two") == data / "several" / "two.npz"
    assert found("alone") == data / "alone.npz"
    assert found("squares.npz") == tmp_path / "squares.npz"
    assert found("digits") is None
    with pytest.raises(InputError, match=r"\[sets\] x: there is no set and no path 'upss'; did you mean 'usps'"):
        found("upss")
    monkeypatch.setenv(VARIABLE, str(data))
    assert data_folder(None) == data
    with pytest.raises(InputError, match=r"--data .*there is no such folder"):
        data_folder(tmp_path / "nothing")


def test_a_sample_and_other_arrays_are_made_once_and_alike(tmp_path):
    suite = make_suite(tmp_path)
    entry = SetEntry("squares", "squares.npz", arrays={"sample": 12})
    path = find_set(entry, suite, None)
    made = input_of(entry, path, tmp_path / "one")
    other = input_of(entry, path, tmp_path / "two")
    with np.load(made) as one, np.load(other) as two:
        assert len(one["images"]) == len(one["labels"]) == 12
        np.testing.assert_array_equal(one["images"], two["images"])
    with pytest.raises(InputError, match="has no array 'imagess'; did you mean 'images'"):
        input_of(SetEntry("x", "squares.npz", arrays={"images": "imagess"}), path, tmp_path / "three")
