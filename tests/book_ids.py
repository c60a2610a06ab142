"""The entries of the chapters: a list of the book's experiments, figures and exercises, made from the book alone.

It says what the questions are to answer, and is changed only where the book was misread.
"""

CH1 = """
ch1-baseline ch1-100hidden ch1-eta-0.001 ch1-eta-0.01-to-1 ch1-eta-100 ch1-nohidden ch1-random
ch1-darkness ch1-svm-default ch1-svm-tuned ch1-record ch1-perceptron-festival ch1-nand ch1-half-adder
ch1-perceptron-scaling ch1-sigmoid-step-plots ch1-architecture ch1-bitwise ch1-valley ch1-gd-direction
ch1-digits
"""

CH2 = """
ch2-bp1 ch2-bp2 ch2-bp3 ch2-bp4 ch2-matrix-form ch2-finite-diff ch2-vectorised ch2-variants
"""

CH3 = """
ch3-neuron-quad-easy ch3-neuron-quad-sat ch3-neuron-ce-easy ch3-neuron-ce-sat ch3-ce-30 ch3-ce-100
ch3-overfitting ch3-overfitting-full ch3-regularized ch3-regularized-full ch3-reg-100 ch3-reg-100-60
ch3-init-30 ch3-init-100 ch3-multiple-eta ch3-more-data ch3-more-data-svm ch3-monitor-demo ch3-hp-bad
ch3-hp-small ch3-hp-lambda ch3-hp-eta-up ch3-hp-eta-down ch3-softmax ch3-softmax-problems
ch3-quad-linear-output ch3-eta-heuristic ch3-l1 ch3-dropout ch3-rotation-figure ch3-expansion-cited
ch3-polynomial ch3-gaussians ch3-early-stopping ch3-lr-schedule ch3-hessian ch3-momentum ch3-tanh
ch3-relu ch3-init-l2-link
"""

CH4 = """
ch4-goal-f ch4-sigmoid-shape ch4-step ch4-two-steps ch4-bump ch4-double-bump ch4-five-bumps ch4-challenge
ch4-two-input-step ch4-bump-2d ch4-xy-bump ch4-tower ch4-many-towers ch4-two-towers ch4-tower-nd
ch4-vector-output ch4-problems ch4-other-activation ch4-failure-window ch4-overlap-fix
"""

CH5 = """
ch5-depth-1 ch5-depth-2 ch5-depth-3 ch5-depth-4 ch5-speed-2 ch5-speed-3 ch5-speed-4 ch5-initial-gradient
ch5-sigma-prime ch5-chain ch5-exploding ch5-width-bound ch5-identity-neuron ch5-matrix ch5-nabla-norms
"""

CH6 = """
ch6-shallow ch6-conv1 ch6-conv1-nofc ch6-conv2 ch6-conv2-tanh ch6-conv2-l2 ch6-relu ch6-vs-ch3
ch6-expand ch6-expanded-100 ch6-expanded-300 ch6-expanded-1000 ch6-doublefc-100 ch6-doublefc-300
ch6-doublefc-1000 ch6-dropout ch6-ensemble ch6-errors-figure ch6-filters-0 ch6-filters-1 ch6-diagrams
ch6-l2-pooling ch6-cited ch6-problems
"""

BY_CHAPTER = {"1": CH1.split(), "2": CH2.split(), "3": CH3.split(), "4": CH4.split(), "5": CH5.split()}
BY_CHAPTER |= {"6": CH6.split()}
IDS = [i for ids in BY_CHAPTER.values() for i in ids]
