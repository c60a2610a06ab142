// The equations of jnndl for networks of dense layers, in plain JavaScript and float64: neurons.py, costs.py,
// initializers.py, gradients.py and regularizers.py of the library, without JAX. tests/test_playground.py compares the
// two, gradient by gradient.
"use strict";

// A neuron: forward is z -> a, and prime is sigma'(z).
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const NEURONS = {
  sigmoid: { forward: sigmoid, prime: (z) => sigmoid(z) * sigmoid(-z) },
  tanh: { forward: Math.tanh, prime: (z) => 4 * sigmoid(2 * z) * sigmoid(-2 * z) },
  relu: { forward: (z) => Math.max(z, 0), prime: (z) => Number(z > 0) },
};

// The cost of one sigmoid output neuron with weighted input z and target y, and its delta dC/dz (BP1). What is written
// with z, and not with a, keeps its digits where the neuron saturates.
const minus = (z, y) => (1 - y) * sigmoid(z) - y * sigmoid(-z); // a - y
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); // ln(1 + e^z) = -ln sigma(-z)
const COSTS = {
  quadratic: {
    value: (z, y) => minus(z, y) ** 2 / 2,
    delta: (z, y) => minus(z, y) * sigmoid(z) * sigmoid(-z),
  },
  cross_entropy: {
    value: (z, y) => y * softplus(-z) + (1 - y) * softplus(z),
    delta: minus,
  },
};

// Random numbers from a seed: from 0 to below 1 (the generator is Mulberry32), and normal ones (Box and Muller).
function generator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// The parameters of a network are a list of layers: { inputs, weight, bias }, the weights row by row, so that
// weight[j * inputs + i] leads from input i to neuron j. Biases are N(0, 1), and so are "large" weights; "default" ones
// are divided by the root of the number of inputs (chapter 3, weight initialization).
function initial(sizes, weights, { normal }) {
  return sizes.slice(1).map((outputs, l) => {
    const inputs = sizes[l];
    const spread = weights === "large" ? 1 : 1 / Math.sqrt(inputs);
    return {
      inputs,
      weight: Float64Array.from({ length: outputs * inputs }, () => spread * normal()),
      bias: Float64Array.from({ length: outputs }, normal),
    };
  });
}

// Every layer's weighted inputs z and its input a, for one example. The last z is left to the cost, or to the eye.
function feed(params, x, hidden) {
  const { forward } = NEURONS[hidden];
  const [zs, as] = [[], [x]];
  params.forEach(({ inputs, weight, bias }, l) => {
    const a = as[l];
    const z = Float64Array.from(bias);
    for (let j = 0, k = 0; j < z.length; j++) for (let i = 0; i < inputs; i++, k++) z[j] += weight[k] * a[i];
    zs.push(z);
    if (l + 1 < params.length) as.push(z.map(forward));
  });
  return { zs, as };
}

// Backpropagation: the mean cost of the examples, without the penalty, and its gradient, a list like the parameters.
// `output` is the network's one output neuron with its cost: one of COSTS.
function backprop(params, xs, ys, hidden, output) {
  const { prime } = NEURONS[hidden];
  const grads = params.map(({ inputs, weight, bias }) => ({
    inputs,
    weight: new Float64Array(weight.length),
    bias: new Float64Array(bias.length),
  }));
  let cost = 0;
  xs.forEach((x, example) => {
    const { zs, as } = feed(params, x, hidden);
    const [z] = zs.at(-1);
    cost += output.value(z, ys[example]) / xs.length;
    let delta = [output.delta(z, ys[example]) / xs.length]; // BP1; the mean enters here, once
    for (let l = params.length - 1; l >= 0; l--) {
      const { inputs, weight } = params[l];
      const below = new Float64Array(inputs);
      delta.forEach((d, j) => {
        grads[l].bias[j] += d; // BP3
        for (let i = 0; i < inputs; i++) {
          grads[l].weight[j * inputs + i] += d * as[l][i]; // BP4
          below[i] += d * weight[j * inputs + i];
        }
      });
      if (l) delta = below.map((sum, i) => sum * prime(zs[l - 1][i])); // BP2
    }
  });
  return { cost, grads };
}

// One step of gradient descent, in place: w -> w - eta (dC/dw + lambda w / n), b -> b - eta dC/db, for a training set of
// n examples (chapter 3, equation 93).
function descend(params, grads, eta, lambda, n) {
  params.forEach(({ weight, bias }, l) => {
    weight.forEach((w, k) => (weight[k] = w - eta * (grads[l].weight[k] + (lambda / n) * w)));
    bias.forEach((b, j) => (bias[j] = b - eta * grads[l].bias[j]));
  });
}

// How fast each layer learns: the length of dC/db, layer by layer (chapter 5).
const speeds = (grads) => grads.map(({ bias }) => Math.hypot(...bias));

// Chapter 4: the network that has a bump in each of N equal parts of [0, 1]. The neurons of pair k step at its two edges
// s, with weight w and bias -w s, and have the output weights h and -h.
function bumps(heights, w) {
  const edges = heights.flatMap((_, k) => [k / heights.length, (k + 1) / heights.length]);
  return [
    { inputs: 1, weight: Float64Array.from(edges, () => w), bias: Float64Array.from(edges, (s) => -w * s) },
    { inputs: edges.length, weight: Float64Array.from(heights.flatMap((h) => [h, -h])), bias: new Float64Array(1) },
  ];
}

// Chapter 4's function, and what the weighted input of the output neuron has to be for it.
const goal = (x) => 0.2 + 0.4 * x * x + 0.3 * x * Math.sin(15 * x) + 0.05 * Math.cos(50 * x);
const logit = (a) => Math.log(a / (1 - a));

// The points 0, 0.01, ..., 0.99 at which the book's challenge is scored, and the bump in which each lies.
const POINTS = Array.from({ length: 100 }, (_, k) => k / 100);
const bin = (k, count) => Math.floor((k * count) / 100);

// The book's score: how far the heights are on average from the logit of f.
const score = (heights) =>
  POINTS.reduce((sum, x, k) => sum + Math.abs(heights[bin(k, heights.length)] - logit(goal(x))), 0) / 100;

// The heights with the least score: in each part the median of what is asked for, which is nearest to all of it.
function best(count) {
  return Array.from({ length: count }, (_, part) => {
    const wanted = POINTS.filter((_, k) => bin(k, count) === part).map((x) => logit(goal(x)));
    wanted.sort((one, other) => one - other);
    const middle = wanted.length / 2;
    return (wanted[Math.floor(middle - 0.5)] + wanted[Math.ceil(middle - 0.5)]) / 2;
  });
}
