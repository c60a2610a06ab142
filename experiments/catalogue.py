"""All questions, in the order of the book; and the entries for which there is nothing to run."""

import re

from experiments.beyond import convolutional, dense
from experiments.beyond import ensemble as beyond_ensemble
from experiments.ch1 import baseline, darkness, digits, gradient_descent, perceptrons, rates_widths, svm
from experiments.ch2 import gradients, variants, vectorised
from experiments.ch3 import (
    cross_entropy,
    dropout,
    early_stopping,
    expanded,
    full_data,
    hyper_parameters,
    initial_weights,
    l1,
    momentum,
    monitor_demo,
    more_data,
    more_data_svm,
    multiple_eta,
    neurons,
    newton,
    overfitting,
    polynomial,
    single_neuron,
    softmax,
)
from experiments.ch4 import (
    bumps,
    challenge,
    failure_windows,
    other_neurons,
    problems,
    steps,
    target_function,
    towers,
    two_inputs,
    vector_output,
)
from experiments.ch5 import bars, chain, depth, identity_neuron, nabla, speed, ten_layers, width
from experiments.ch6 import (
    conv1,
    conv2,
    conv2_l2,
    conv2_tanh,
    conv_problems,
    diagrams,
    double_fc,
    double_fc_dropout,
    ensemble,
    expand,
    expanded_data,
    l2_pooling,
    relu,
    shallow,
)
from experiments.extra import network3_choices, scratch_choices, scratch_vs_framework, sweep

_MODULES = (
    perceptrons,
    gradient_descent,
    digits,
    darkness,
    baseline,
    rates_widths,
    svm,
    gradients,
    vectorised,
    variants,
    single_neuron,
    cross_entropy,
    softmax,
    overfitting,
    full_data,
    more_data,
    more_data_svm,
    l1,
    dropout,
    expanded,
    initial_weights,
    monitor_demo,
    multiple_eta,
    hyper_parameters,
    early_stopping,
    momentum,
    newton,
    neurons,
    polynomial,
    steps,
    bumps,
    challenge,
    target_function,
    two_inputs,
    towers,
    vector_output,
    other_neurons,
    problems,
    failure_windows,
    depth,
    bars,
    speed,
    chain,
    width,
    identity_neuron,
    ten_layers,
    nabla,
    diagrams,
    shallow,
    conv1,
    conv2,
    l2_pooling,
    conv2_tanh,
    conv2_l2,
    relu,
    expand,
    expanded_data,
    double_fc,
    double_fc_dropout,
    ensemble,
    conv_problems,
    network3_choices,
    scratch_choices,
    scratch_vs_framework,
    sweep,
    dense,
    convolutional,
    beyond_ensemble,
)
EXPERIMENTS = {module.EXPERIMENT.name: module.EXPERIMENT for module in _MODULES}


def opening(text: str | None) -> str:
    """What a module's text opens with: its first question, or else its first line up to a colon or the full stop."""
    line = (text or "").strip().partition("\n")[0]
    question, mark, _ = line.partition("?")
    return question + mark if mark else re.split(r"[:.](?:\s|$)", line)[0]


QUESTIONS = {module.EXPERIMENT.name: opening(module.__doc__) for module in _MODULES}

# The titles of the book's chapters.
CHAPTERS = {
    "1": "Using neural nets to recognize handwritten digits",
    "2": "How the backpropagation algorithm works",
    "3": "Improving the way neural networks learn",
    "4": "A visual proof that neural nets can compute any function",
    "5": "Why are deep neural networks hard to train?",
    "6": "Deep learning",
}

TWO_SCALES = (
    "6",
)  # chapters of which a run is at the book's scale only where that was asked for, and else at a smaller


def chapter_title(chapter: str) -> str:
    """The heading of a chapter, or of what belongs to none."""
    return f"Chapter {chapter}: {CHAPTERS[chapter]}" if chapter else "Beside the book"


# id -> why there is nothing to run.
NOT_RUN = {
    "ch1-record": "it cites Wan et al. 2013, 9979 of 10,000, with networks far beyond chapter 1",
    "ch6-cited": "it cites what others reached, on MNIST (Simard et al. 2003, 99.6 %; Ciresan et al. 2010, 99.65 %) "
    "and on photos (ImageNet), with networks, data and machines far beyond chapter 6",
}
