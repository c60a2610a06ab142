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

// A layer that is random in training leaves its input as it is in use.
function leave(fields, arrays, shape, neuron) {
  return { shape, neuron, kind: null, forward: (a) => [a, null], backward: (saved, grad) => grad };
}

// As in layers.py and convolution.py, one function per kind of layer; page.py lists the kinds. Each gets the layer's
// fields, its arrays by name, and the shape and the neuron of its input, and returns
//   shape                          of its output: [n], or [height, width, channels]
//   neuron                         what its output has the range of: the last neuron that it went through, mostly
//   kind                           what to call it in the diagram, or null where its output is its input in use, as with
//                                  Dropout, and nothing is shown
//   forward(a) -> [output, saved]  for one example; `saved` is whatever the others want to see again
//   backward(saved, grad)          the gradient for its input, given that for its output
//   pulls(saved, count, sources)   if it has lines to show: for each output its `count` strongest sources, as
//                                  [source, output, weight * activation]. Inputs are dealt to the sources in turn: with
//                                  as many sources as inputs each is its own, with as many as channels a map is one.
const LAYERS = {
  Dense({ neuron: { neuron }, n_in, n_out }, { weight, bias }) {
    const { forward, backward } = NEURONS[neuron];
    return {
      shape: [n_out],
      neuron,
      kind: neuron,
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
      pulls({ a }, count, sources) {
        const found = [];
        const pulls = new Float64Array(sources);
        for (let j = 0; j < n_out; j++) {
          pulls.fill(0);
          for (let i = 0; i < n_in; i += sources) {
            for (let k = 0; k < sources; k++) pulls[k] += weight[j * n_in + i + k] * a[i + k];
          }
          const best = [];
          pulls.forEach((pull, k) => {
            if (pull === 0 || (best.length === count && Math.abs(pull) <= Math.abs(best[count - 1][2]))) return;
            best.push([k, j, pull]);
            best.sort((one, other) => Math.abs(other[2]) - Math.abs(one[2]));
            best.length = Math.min(best.length, count);
          });
          found.push(...best);
        }
        return found;
      },
    };
  },
  Dropout: leave,
  Distort: leave,
  // Where a window covers the image it does so in rows of pixels that lie beside each other in memory: `each` goes over
  // these. The same few lines are then the way forward, with zeros around the image, and the way back.
  Conv(fields, { weight, bias }, [rows, columns, n_in]) {
    const { n_out, kernel, stride, padding, pool } = fields;
    const { neuron } = fields.neuron;
    const { forward, backward } = NEURONS[neuron];
    const [zeros, counts] = [[], []];
    [rows, columns].forEach((n, axis) => {
      const [k, step] = [kernel[axis], stride[axis]];
      zeros.push(padding === "same" ? Math.max((Math.ceil(n / step) - 1) * step + k - n, 0) : 0);
      counts.push(Math.floor((n + zeros[axis] - k) / step) + 1);
    });
    const [[high, wide], [above, before]] = [kernel, zeros.map((n) => Math.floor(n / 2))];
    const [down, across] = counts;
    const size = high * wide * n_in;
    const turned = weight.map((_, i) => weight[(i % n_out) * size + Math.floor(i / n_out)]); // all maps side by side
    const pooled = pool && LAYERS[pool.layer](pool, {}, [down, across, n_out], neuron);
    const shape = pooled ? pooled.shape : [down, across, n_out];

    // For each window, by its number, each row of it: its first weight, its first pixel, and how many there are.
    function each(visit) {
      for (let window = 0; window < down * across; window++) {
        const top = Math.floor(window / across) * stride[0] - above;
        const left = (window % across) * stride[1] - before;
        const [first, last] = [Math.max(0, -left), Math.min(wide, columns - left)];
        for (let i = Math.max(0, -top); i < Math.min(high, rows - top); i++) {
          visit(window, (i * wide + first) * n_in, ((top + i) * columns + left + first) * n_in, (last - first) * n_in);
        }
      }
    }

    return {
      shape,
      neuron,
      kind: neuron,
      forward(a) {
        let [z, kept] = [new Float64Array(down * across * n_out), null];
        each((window, first, pixel, count) => {
          const out = window * n_out;
          for (let k = 0; k < count; k++) {
            const x = a[pixel + k];
            if (x === 0) continue; // the paper, and a ReLU that is silent
            const start = (first + k) * n_out;
            for (let n = 0; n < n_out; n++) z[out + n] += x * turned[start + n];
          }
        });
        if (pooled) [z, kept] = pooled.forward(z);
        z = z.map((x, i) => x + bias[i % n_out]);
        return [forward(z), { z, kept }];
      },
      backward({ z, kept }, grad) {
        let delta = backward(z, grad);
        if (pooled) delta = pooled.backward(kept, delta);
        const out = new Float64Array(rows * columns * n_in);
        each((window, first, pixel, count) => {
          for (let n = 0; n < n_out; n++) {
            const d = delta[window * n_out + n];
            if (d === 0) continue; // who did not win its pool
            const start = n * size + first;
            for (let k = 0; k < count; k++) out[pixel + k] += d * weight[start + k];
          }
        });
        return out;
      },
    };
  },
  MaxPool({ size }, arrays, shape, neuron) {
    const { pooled, inputs, each } = windows(size, shape);
    const count = pooled.reduce((x, y) => x * y);
    return {
      shape: pooled,
      neuron,
      kind: "max pool",
      forward(a) {
        const best = new Float64Array(count);
        const winner = new Int32Array(count).fill(-1);
        each((to, from) => {
          // Of equals the first; NaN wins, so that it is not lost.
          if (winner[to] >= 0 && !(a[from] > best[to]) && a[from] === a[from]) return;
          best[to] = a[from];
          winner[to] = from;
        });
        return [best, winner];
      },
      backward(winner, grad) {
        const out = new Float64Array(inputs);
        winner.forEach((from, to) => (out[from] = grad[to]));
        return out;
      },
    };
  },
  AvgPool({ size }, arrays, shape, neuron) {
    const { pooled, inputs, each } = windows(size, shape);
    const share = 1 / (size[0] * size[1]);
    return {
      shape: pooled,
      neuron,
      kind: "mean pool",
      forward(a) {
        const mean = new Float64Array(pooled.reduce((x, y) => x * y));
        each((to, from) => (mean[to] += a[from] * share));
        return [mean, null];
      },
      backward(saved, grad) {
        const out = new Float64Array(inputs);
        each((to, from) => (out[from] = grad[to] * share));
        return out;
      },
    };
  },
  L2Pool({ size }, arrays, shape) {
    const { pooled, inputs, each } = windows(size, shape);
    return {
      shape: pooled,
      neuron: "relu", // never below 0, and no bound
      kind: "L2 pool",
      forward(a) {
        const root = new Float64Array(pooled.reduce((x, y) => x * y));
        each((to, from) => (root[to] += a[from] * a[from]));
        root.forEach((sum, to) => (root[to] = Math.sqrt(sum)));
        return [root, { a, root }];
      },
      backward({ a, root }, grad) {
        const out = new Float64Array(inputs);
        each((to, from) => (out[from] = root[to] > 0 ? (grad[to] * a[from]) / root[to] : 0));
        return out;
      },
    };
  },
  Flatten(fields, arrays, shape, neuron) {
    const vector = [shape.reduce((x, y) => x * y)];
    return { shape: vector, neuron, kind: null, forward: (a) => [a, null], backward: (saved, grad) => grad };
  },
};

// What the poolings share: windows side by side; what does not fill one at the end is left out. `each` goes over the
// entries of every window along its rows: (number of the window's output, number of the entry).
function windows([high, wide], [rows, columns, channels]) {
  const [down, across] = [Math.floor(rows / high), Math.floor(columns / wide)];
  function each(visit) {
    for (let y = 0; y < down * high; y++) {
      for (let x = 0; x < across * wide; x++) {
        const to = (Math.floor(y / high) * across + Math.floor(x / wide)) * channels;
        const from = (y * columns + x) * channels;
        for (let c = 0; c < channels; c++) visit(to + c, from + c);
      }
    }
  }
  return { pooled: [down, across, channels], inputs: rows * columns * channels, each };
}

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
  let [shape, below] = [model.input_shape, "linear"];
  const layers = model.layers.map(({ arrays, ...fields }) => {
    const decoded = Object.fromEntries(Object.entries(arrays).map(([name, text]) => [name, decode(text)]));
    const layer = { ...LAYERS[fields.layer](fields, decoded, shape, below), arrays: decoded };
    [shape, below] = [layer.shape, layer.neuron];
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
