// Teach it your hand: drawings of one's own with their labels, from which the last layer learns by gradient descent. All
// before it stays as it is, so that a drawing is for it what the layer below makes of the drawing.

const BLANK = document.documentElement.cloneNode(true); // the page as it was written, to be saved with other weights
const STEPS = 50; // of gradient descent, for each press of the button

// Gradient descent on the last layer, for examples { a, label }: a is the layer's input. The cost is the mean over them
// of the cross-entropy for sigmoid outputs, of the log-likelihood for softmax, and of the quadratic cost for others.
function lesson({ weight, bias }, neuron) {
  const classes = bias.length;
  const low = neuron === "tanh" ? -1 : 0; // the target of an output that should stay silent
  const { forward, backward } = NEURONS[neuron];
  const plain = neuron === "sigmoid" || neuron === "softmax"; // then delta is a - y, whatever the slope (chapter 3)

  function delta({ a, label }) {
    const n = a.length;
    const z = bias.map((b, j) => a.reduce((sum, x, i) => sum + weight[j * n + i] * x, b));
    const error = forward(z).map((x, j) => x - (j === label ? 1 : low));
    return plain ? error : backward(z, error); // BP1
  }

  function gradient(examples) {
    const found = { weight: new Float64Array(weight.length), bias: new Float64Array(classes) };
    for (const example of examples) {
      const [{ a }, n] = [example, example.a.length];
      delta(example).forEach((d, j) => {
        found.bias[j] += d / examples.length; // BP3
        for (let i = 0; i < n; i++) found.weight[j * n + i] += (d * a[i]) / examples.length; // BP4
      });
    }
    return found;
  }

  // As fast as is safe: the cost is nowhere curved more than the mean of |a|^2 + 1, times 1/2 where delta is a - y, and
  // with twice the inverse of that, steps would no longer have to lead downwards.
  function rate(examples) {
    const squares = examples.map(({ a }) => a.reduce((sum, x) => sum + x * x, 1));
    return ((plain ? 2 : 1) * examples.length) / squares.reduce((x, y) => x + y);
  }

  function step(examples) {
    const [grad, eta] = [gradient(examples), rate(examples)];
    weight.forEach((w, k) => (weight[k] = w - eta * grad.weight[k]));
    bias.forEach((b, j) => (bias[j] = b - eta * grad.bias[j]));
  }

  return { gradient, rate, step };
}

// Numbers as page.py writes them: the reverse of `decode`.
function encode(numbers) {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

// The whole page once more, with the present weights of the last layer in it.
function pageWith(arrays, count) {
  const page = BLANK.cloneNode(true);
  const layers = model.layers.map((layer) => ({ ...layer }));
  layers.at(-1).arrays = Object.fromEntries(Object.entries(arrays).map(([name, numbers]) => [name, encode(numbers)]));
  page.querySelector("#model").textContent = JSON.stringify({ ...model, layers }).replaceAll("<", "\\u003c");
  const drawings = count === 1 ? "one drawing" : `${count} drawings`;
  page.querySelector("#about").append(` Then its last layer was taught ${drawings} in a browser; an accuracy was measured before.`);
  return `<!doctype html>\n${page.outerHTML}\n`;
}

function teaching() {
  const layer = network.layers.at(-1);
  if (model.layers.at(-1).layer !== "Dense") return;
  $("teach").hidden = false;
  const { arrays } = layer;
  const original = Object.fromEntries(Object.entries(arrays).map(([name, numbers]) => [name, numbers.slice()]));
  const { step } = lesson(arrays, model.neuron);
  const [taught, digits] = [[], names.join("") === "0123456789"];
  let [steps, learning] = [0, 0];

  const best = (outputs) => outputs.indexOf(outputs.reduce((x, y) => Math.max(x, y), -Infinity));
  const outputs = ({ pixels }) => network.feed(pixels).outputs;

  // The examples of the page, ten digits that it is not taught: what it forgets, it forgets there.
  const examples = digits
    ? DIGITS.map((_, label) => {
        const sheet = new Ink(ink.height, ink.width, ink.radius);
        pointsOf(label).forEach(({ first, point }, k, all) => sheet.line(first ? point : all[k - 1].point, point));
        const image = centre(sheet.pixels, [ink.height, ink.width], [network.height, network.width], model.box);
        return { label, pixels: network.pixelsOf(image) };
      })
    : [];
  const right = (all) => all.filter((one) => best(outputs(one)) === one.label).length;
  const before = right(examples);

  function tell(words) {
    $("lesson").textContent = words;
    say(words);
  }

  function sum() {
    const old = taught.filter(({ label, first }) => best(first) === label).length;
    const mine = `Your drawings: ${old} of ${taught.length} right before, ${right(taught)} now.`;
    const theirs = ` The ten examples: ${before} of 10 right before, ${right(examples)} now.`;
    return `After ${steps} steps. ${mine}${digits ? theirs : ""}`;
  }

  function showTaught() {
    for (const [k, item] of [...$("taught").children].entries()) {
      const { label, first } = taught[k];
      const now = outputs(taught[k]);
      const words = (all) => `${names[best(all)]} (${figure(all[best(all)])})`;
      item.querySelector(".was").textContent = `said ${words(first)}`;
      item.querySelector(".is").textContent = steps ? `says ${words(now)}` : "";
      item.querySelector(".was").classList.toggle("wrong", best(first) !== label);
      item.querySelector(".is").classList.toggle("wrong", best(now) !== label);
      picture(item.querySelector("canvas"), network.height, network.width, (i) => cell(taught[k].image[i]));
      item.querySelector("button").setAttribute("aria-label", `Remove drawing ${k + 1}, ${names[label]}`);
    }
    for (const id of ["learn", "keep", "unlearn"]) $(id).hidden = !taught.length;
    $("keep").disabled = $("unlearn").disabled = !steps;
  }

  function add(label) {
    if (!strokes.length || isExample) return tell(digits ? "First draw a digit of your own." : "First draw something of your own.");
    const seen = look();
    taught.push({ label, image: seen.image, pixels: seen.pixels, a: seen.inside.at(-1).saved.a, first: seen.outputs });
    const item = document.createElement("li");
    item.innerHTML = '<canvas aria-hidden="true"></canvas><b></b><span class="was"></span><span class="is"></span><button type="button">×</button>';
    item.querySelector("b").textContent = names[label];
    item.querySelector("button").addEventListener("click", () => {
      stopLearning();
      taught.splice([...$("taught").children].indexOf(item), 1);
      item.remove();
      showTaught();
      tell("Removed.");
      $("labels").firstChild.focus();
    });
    $("taught").append(item);
    clear("");
    showTaught();
    pad.scrollIntoView({ block: "nearest" });
    tell(`Kept as ${names[label]}. Draw another, or let it learn.`);
  }

  function stopLearning() {
    cancelAnimationFrame(learning);
    learning = 0;
  }

  function learn() {
    stopLearning();
    let left = STEPS;
    const more = () => {
      for (const end = still.matches ? 0 : left - 2; left > end; left--, steps++) step(taught);
      showTaught();
      show();
      learning = left ? requestAnimationFrame(more) : 0;
      if (!left) tell(sum());
    };
    more();
  }

  function unlearn() {
    stopLearning();
    for (const [name, numbers] of Object.entries(original)) arrays[name].set(numbers);
    steps = 0;
    showTaught();
    show();
    tell("The network is as it was.");
  }

  function keep() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([pageWith(arrays, taught.length)], { type: "text/html" }));
    link.download = "draw-taught.html";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    tell("Saved as draw-taught.html: the same page, with what was learned in it.");
  }

  names.forEach((name, label) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
    button.addEventListener("click", () => add(label));
    $("labels").append(button);
  });
  $("to-teach").hidden = false;
  $("to-teach").addEventListener("click", () => {
    $("teach").scrollIntoView({ block: "nearest" });
    $("labels").firstChild.focus({ preventScroll: true });
  });
  $("learn").addEventListener("click", learn);
  $("unlearn").addEventListener("click", unlearn);
  $("keep").addEventListener("click", keep);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(showTaught));
}
