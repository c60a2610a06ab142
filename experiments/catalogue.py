"""All questions; and the entries of the book, chapters 1 to 3, that ask for nothing to be run."""

from experiments import (
    ch1_baseline,
    ch1_darkness,
    ch1_digits,
    ch1_gradient_descent,
    ch1_perceptrons,
    ch1_rates_widths,
    ch1_svm,
    ch2_variants,
    ch2_vectorised,
    ch3_cross_entropy,
    ch3_dropout,
    ch3_early_stopping,
    ch3_expanded,
    ch3_full_data,
    ch3_hyper_parameters,
    ch3_initial_weights,
    ch3_l1,
    ch3_momentum,
    ch3_monitor_demo,
    ch3_more_data,
    ch3_more_data_svm,
    ch3_multiple_eta,
    ch3_neurons,
    ch3_newton,
    ch3_overfitting,
    ch3_polynomial,
    ch3_single_neuron,
    ch3_softmax,
    scratch_choices,
    scratch_vs_framework,
)

EXPERIMENTS = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (
        ch1_perceptrons,
        ch1_gradient_descent,
        ch1_digits,
        ch1_darkness,
        ch1_baseline,
        ch1_rates_widths,
        ch1_svm,
        ch2_vectorised,
        ch2_variants,
        ch3_single_neuron,
        ch3_cross_entropy,
        ch3_softmax,
        ch3_overfitting,
        ch3_full_data,
        ch3_more_data,
        ch3_more_data_svm,
        ch3_l1,
        ch3_dropout,
        ch3_expanded,
        ch3_initial_weights,
        ch3_monitor_demo,
        ch3_multiple_eta,
        ch3_hyper_parameters,
        ch3_early_stopping,
        ch3_momentum,
        ch3_newton,
        ch3_neurons,
        ch3_polynomial,
        scratch_choices,
        scratch_vs_framework,
    )
}

# id -> why there is nothing to run.
NOT_RUN = {
    "ch1-record": "it cites Wan et al. 2013, 9979 of 10,000, with networks far beyond chapter 1",
}

# id -> the question that will answer it, with these ids in its rows; it is not among EXPERIMENTS yet.
TO_COME = dict.fromkeys(
    ("ch2-bp1", "ch2-bp2", "ch2-bp3", "ch2-bp4", "ch2-matrix-form", "ch2-finite-diff"),
    "gradients",
)
