// The network: the neurons and layers of jnndl, forwards and backwards. Arrays are Float64Array, images row by row.

// As in neurons.py: forward is z -> a, backward is (z, gradient for a) -> gradient for z. `range` is what a can be, and
// null where there is no bound.
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softmax = (z) => {
  const top = z.reduce((x, y) => Math.max(x, y), -Infinity);
  const e = z.map((x) => Math.exp(x - top));
  const sum = e.reduce((x, y) => x + y, 0);
  return e.map((x) => x / sum);
};
const NEURONS = {
  step: { forward: (z) => z.map((x) => Number(x > 0)), backward: (z, grad) => grad.map(() => 0), range: [0, 1] },
  linear: { forward: (z) => z, backward: (z, grad) => grad, range: null },
  sigmoid: {
    forward: (z) => z.map(sigmoid),
    backward: (z, grad) => grad.map((g, j) => g * sigmoid(z[j]) * sigmoid(-z[j])),
    range: [0, 1],
  },
  tanh: {
    forward: (z) => z.map(Math.tanh),
    backward: (z, grad) => grad.map((g, j) => g * 4 * sigmoid(2 * z[j]) * sigmoid(-2 * z[j])),
    range: [-1, 1],
  },
  relu: {
    forward: (z) => z.map((x) => Math.max(x, 0)),
    backward: (z, grad) => grad.map((g, j) => (z[j] > 0 ? g : 0)),
    range: null,
  },
  softmax: {
    forward: softmax,
    backward: (z, grad) => {
      const a = softmax(z);
      const mean = a.reduce((sum, x, j) => sum + x * grad[j], 0);
      return a.map((x, j) => x * (grad[j] - mean));
    },
    range: [0, 1],
  },
};

// As in layers.py, one function per kind of layer; page.py lists the kinds. Each gets the layer's fields, its arrays by
// name, and the shape of its input, and returns
//   shape                          of its output: [n], or [height, width, channels]
//   neuron                         what its output went through (for its range and its name), or null where the output
//                                  is its input in use, as with Dropout, and nothing is shown
//   forward(a) -> [output, saved]  for one example; `saved` is whatever the others want to see again
//   backward(saved, grad)          the gradient for its input, given that for its output
//   pulls(saved, count)            if it has lines to show: for each output its `count` strongest inputs, as
//                                  [input, output, weight * activation]
const LAYERS = {
  Dense({ neuron: { neuron }, n_in, n_out }, { weight, bias }) {
    const { forward, backward } = NEURONS[neuron];
    return {
      shape: [n_out],
      neuron,
      forward(a) {
        const z = Float64Array.from(bias);
        for (let j = 0; j < n_out; j++) for (let i = 0; i < n_in; i++) z[j] += weight[j * n_in + i] * a[i];
        return [forward(z), { a, z }];
      },
      backward({ z }, grad) {
        const delta = backward(z, grad);
        const out = new Float64Array(n_in);
        for (let j = 0; j < n_out; j++) for (let i = 0; i < n_in; i++) out[i] += weight[j * n_in + i] * delta[j];
        return out;
      },
      pulls({ a }, count) {
        const found = [];
        for (let j = 0; j < n_out; j++) {
          const best = [];
          for (let i = 0; i < n_in; i++) {
            const pull = weight[j * n_in + i] * a[i];
            if (pull === 0 || (best.length === count && Math.abs(pull) <= Math.abs(best[count - 1][2]))) continue;
            best.push([i, j, pull]);
            best.sort((one, other) => Math.abs(other[2]) - Math.abs(one[2]));
            best.length = Math.min(best.length, count);
          }
          found.push(...best);
        }
        return found;
      },
    };
  },
  Dropout(fields, arrays, shape) {
    return { shape, neuron: null, forward: (a) => [a, null], backward: (saved, grad) => grad };
  },
};

// Numbers as page.py wrote them: little-endian floats of 32 bits, in base64.
const decode = (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return Float64Array.from(new Float32Array(bytes.buffer));
};

// The network of a file. `look` takes an image, `height` x `width` numbers from 0 (paper) to 1 (pen).
function build(model) {
  const [height, width] = model.image;
  const size = height * width;
  const column = (value) => (Array.isArray(value) ? value : new Array(size).fill(value));
  const [scale, offset] = [column(model.scale), column(model.offset)];
  let shape = model.input_shape;
  const layers = model.layers.map(({ arrays, ...fields }) => {
    const decoded = Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, decode(text)]));
    const layer = LAYERS[fields.layer](fields, decoded, shape);
    shape = layer.shape;
    return layer;
  });
  const neuron = NEURONS[model.neuron];

  // Everything inside, for pixels as the training data had them: each layer's output, and the outputs of the network.
  function feed(pixels) {
    let a = Float64Array.from(pixels, (pixel, i) => pixel * scale[i] + offset[i]);
    const inside = [];
    for (const layer of layers) {
      const [output, saved] = layer.forward(a);
      inside.push({ layer, output, saved });
      a = output;
    }
    return { inside, outputs: neuron.forward(a) };
  }

  // How much each pixel spoke for one output: pixel times gradient of that output's weighted input. A pixel of paper
  // counts as nothing, also where an offset makes it another number than 0.
  function spoke({ inside }, pixels, answer) {
    let grad = new Float64Array(inside.at(-1).output.length);
    grad[answer] = 1;
    for (const { layer, saved } of [...inside].reverse()) grad = layer.backward(saved, grad);
    return grad.map((g, i) => g * scale[i] * pixels[i]);
  }

  // Whole numbers, where the training data had such.
  const pixelsOf = (image) => {
    const pixels = image.map((x) => x * model.brightest);
    return model.brightest > 1 ? pixels.map(Math.round) : pixels;
  };
  return { feed, spoke, pixelsOf, height, width, neuron, layers };
}
