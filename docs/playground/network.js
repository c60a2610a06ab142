// A network 2-h-...-1 that learns a boundary while one looks on.
"use strict";

const [POINTS_EACH, BATCH, MOST] = [100, 10, 600];
const REACH = 2.4; // the map shows inputs from -REACH to REACH
const LAYER_COLOURS = ["one", "two", "three", "four"];

// The sets of points: for a class (0 or 1), random numbers, and the part of the way from 0 to 1, one point.
const turn = (angle, radius) => [radius * Math.cos(angle), radius * Math.sin(angle)];
const SETS = {
  moons: (y, { normal }, part) => {
    const [a, b] = turn(Math.PI * part, 1.4);
    const [x, up] = y ? [a - 0.7, b - 0.4] : [0.7 - a, 0.4 - b];
    return [x + 0.18 * normal(), up + 0.18 * normal()];
  },
  circles: (y, { uniform, normal }) => turn(2 * Math.PI * uniform(), (y ? 0.6 : 1.6) + 0.17 * normal()),
  xor: (y, { uniform }, part) => {
    const [a, b] = [0.12 + 1.8 * uniform(), 0.12 + 1.8 * uniform()];
    return [part < 0.5 ? a : -a, part < 0.5 === Boolean(y) ? b : -b];
  },
  spiral: (y, { normal }, part) => {
    const [a, b] = turn(1.5 * 2 * Math.PI * part + (y ? 0 : Math.PI), 0.15 + 1.9 * part);
    return [a + 0.05 * normal(), b + 0.05 * normal()];
  },
};

function points(kind, random) {
  const all = Array.from({ length: 2 * POINTS_EACH }, (_, k) => k % 2);
  return { xs: all.map((y, k) => SETS[kind](y, random, Math.floor(k / 2) / POINTS_EACH)), ys: all };
}

// What the page shows: the network, its points, and what was measured after each epoch.
let [params, training, other, history, random] = [];

// The numbers below n in random order (Fisher and Yates).
function shuffled(n, { uniform }) {
  const order = Array.from({ length: n }, (_, k) => k);
  for (let k = n - 1; k > 0; k--) {
    const other = Math.floor(uniform() * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
}

function epoch() {
  const { xs, ys } = training;
  const order = shuffled(xs.length, random);
  for (let k = 0; k < order.length; k += BATCH) {
    const batch = order.slice(k, k + BATCH);
    const [x, y] = [batch.map((i) => xs[i]), batch.map((i) => ys[i])];
    const { grads } = backprop(params, x, y, controls.hidden.get(), COSTS[controls.cost.get()]);
    descend(params, grads, controls.rate.get(), controls.lambda.get(), xs.length);
  }
  history.epochs += 1;
  measure();
}

const output = (x) => sigmoid(feed(params, x, controls.hidden.get()).zs.at(-1)[0]);

// Of many epochs only every second is kept, then every fourth, and so on: as many as a curve can show.
function measure() {
  const [hidden, costOf] = [controls.hidden.get(), COSTS[controls.cost.get()]];
  const { cost, grads } = backprop(params, training.xs, training.ys, hidden, costOf);
  const last = { epoch: history.epochs, cost, speeds: speeds(grads) };
  for (const [name, { xs, ys }] of Object.entries({ training, other })) {
    const zs = xs.map((x) => feed(params, x, hidden).zs.at(-1)[0]);
    last[`${name}_right`] = zs.filter((z, k) => z > 0 === Boolean(ys[k])).length / zs.length;
    last.cost_other = zs.reduce((sum, z, k) => sum + costOf.value(z, ys[k]), 0) / zs.length; // of the last, the others
  }
  history.last = last;
  if (last.epoch % history.every === 0) history.kept.push(last);
  if (history.kept.length > MOST) {
    history.every *= 2;
    history.kept = history.kept.filter(({ epoch }) => epoch % history.every === 0);
  }
}

// What is drawn.

function drawMap() {
  const canvas = $("map");
  const { pen, width } = sheet(canvas);
  const cells = 72;
  const image = new ImageData(cells, cells);
  const [low, high, paper] = ["against", "for", "back"].map(channels);
  for (let k = 0; k < cells * cells; k++) {
    const [column, row] = [k % cells, Math.floor(k / cells)];
    const a = output([((column + 0.5) / cells - 0.5) * 2 * REACH, (0.5 - (row + 0.5) / cells) * 2 * REACH]);
    const [end, part] = a > 0.5 ? [high, 2 * a - 1] : [low, 1 - 2 * a];
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = paper[c] + (end[c] - paper[c]) * 0.6 * part;
    image.data[4 * k + 3] = 255;
  }
  const small = new OffscreenCanvas(cells, cells);
  small.getContext("2d").putImageData(image, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0, 0, width, width);
  const at = (x) => (x / (2 * REACH) + 0.5) * width;
  const [blue, orange, back] = ["for", "against", "back"].map(colour);
  training.xs.forEach(([x, y], k) => {
    pen.beginPath();
    pen.arc(at(x), width - at(y), Math.max(3, width / 110), 0, 7);
    Object.assign(pen, { fillStyle: training.ys[k] ? blue : orange, strokeStyle: back, lineWidth: 1.3 });
    pen.fill();
    pen.stroke();
  });
}

function drawCosts(x) {
  const { kept } = history;
  const top = kept.reduce((most, { cost, cost_other: other }) => Math.max(most, cost || 0, other || 0), 0.1); // of NaN, 0
  const picture = axes($("costs"), x, { low: 0, high: 1.05 * top });
  trace(picture, kept.map(({ epoch, cost_other: other }) => [epoch, other]), "against", { dashed: true });
  trace(picture, kept.map(({ epoch, cost }) => [epoch, cost]), "for");
}

function drawSpeeds(x) {
  const { kept, last } = history;
  const all = kept.flatMap(({ speeds }) => speeds).filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(1e-2, ...all), Math.max(1e-1, ...all)];
  const picture = axes($("speeds"), x, { low: low / 1.5, high: high * 1.5, log: true });
  last.speeds.forEach((_, l) => {
    trace(picture, kept.map(({ epoch, speeds }) => [epoch, speeds[l]]), layerColour(l), { dashed: l % 2 === 1 });
  });
}

const layerColour = (l) => (l + 1 === params.length ? "five" : LAYER_COLOURS[l]);

function showFigures() {
  const { last } = history;
  const percent = (part) => `${(100 * part).toFixed(1)} %`;
  $("epoch").textContent = last.epoch;
  $("right").textContent = percent(last.training_right);
  $("right-other").textContent = percent(last.other_right);
  $("cost").textContent = figure(last.cost);
  $("cost-other").textContent = figure(last.cost_other);
  [...$("layers-legend").children].forEach((item, l) => (item.lastChild.textContent = figure(last.speeds[l])));
  const told = `${percent(last.training_right)} of the training points right after ${last.epoch} epochs`;
  $("map").setAttribute("aria-label", `A map of the outputs with the training points: ${told}`);
  const costs = `${figure(last.cost)} on the training points, ${figure(last.cost_other)} on others`;
  $("costs").setAttribute("aria-label", `Cost against epochs: now ${costs}`);
  const layers = last.speeds.map((speed, l) => `${layerName(l)} ${figure(speed)}`);
  $("speeds").setAttribute("aria-label", `The length of each layer's gradient against epochs: now ${layers.join(", ")}`);
}

const layerName = (l) => (l + 1 === params.length ? "output" : `layer ${l + 1}`);

function draw() {
  const x = { low: 0, high: Math.max(20, history.last.epoch), label: "epoch" };
  drawMap();
  drawCosts(x);
  drawSpeeds(x);
  showFigures();
}
const show = once(draw);

// Time.

let [running, due, before] = [0, 0, 0];

function halt() {
  cancelAnimationFrame(running);
  running = 0;
  $("run").textContent = "Run";
}

function say() {
  const { epoch, cost, training_right: right } = history.last;
  $("said").textContent = `Epoch ${epoch}: cost ${figure(cost)}, ${(100 * right).toFixed(1)} % right.`;
}

// As many epochs as are due by the clock, but never so many that the page would stand still.
function more(now) {
  due = Math.min(due + ((now - before) / 1000) * controls.speed.get(), 20);
  before = now;
  for (const end = performance.now() + 25; due >= 1 && performance.now() < end; due--) epoch();
  if (!Number.isFinite(history.last.cost)) return halt();
  draw();
  running = requestAnimationFrame(more);
}

function run() {
  if (running) {
    halt();
    say();
    return;
  }
  $("run").textContent = "Pause";
  [due, before] = [1, performance.now()];
  running = requestAnimationFrame(more);
}

function reset() {
  const seed = controls.seed.get();
  random = generator(seed);
  [training, other] = [points(controls.data.get(), random), points(controls.data.get(), random)];
  const sizes = [2, ...Array(controls.layers.get()).fill(controls.neurons.get()), 1];
  params = initial(sizes, controls.weights.get(), random);
  history = { epochs: 0, every: 1, kept: [] };
  measure();
  $("layers-legend").replaceChildren(
    ...params.map((_, l) => {
      const item = document.createElement("li");
      item.innerHTML = `<i></i><span></span> <span class="value"></span>`;
      item.style.color = `var(--${layerColour(l)})`;
      item.firstChild.className = l % 2 ? "dashed" : "";
      item.children[1].textContent = layerName(l);
      return item;
    }),
  );
  show();
}

const controls = {
  data: choice("data", reset),
  cost: choice("cost-of", reset),
  hidden: choice("hidden", reset),
  weights: choice("weights", reset),
  layers: slider("layers", [1, 2, 3, 4], String, reset),
  neurons: slider("neurons", [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 30], String, reset),
  rate: slider("rate", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10], String, () => {}),
  lambda: slider("lambda", [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5], String, () => {}),
  seed: slider("seed", linear(0, 20, 1), String, reset),
  speed: slider("speed", [1, 2, 5, 10, 20, 50, 100, 200], String, () => {}),
};
const START = {
  ...{ data: "moons", cost: "cross_entropy", hidden: "sigmoid", weights: "default", layers: 1, neurons: 8 },
  ...{ rate: 0.5, lambda: 0, seed: 0, speed: 20 },
};
for (const [name, value] of Object.entries(START)) controls[name].set(value);
tries(controls, START, () => {
  reset();
  if (!running) run();
  $("map").scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
});
$("run").addEventListener("click", run);
$("step").addEventListener("click", () => {
  halt();
  epoch();
  show();
  say();
});
$("reset").addEventListener("click", () => {
  halt();
  reset();
  $("said").textContent = "Back at epoch 0.";
});
reset();
watch(show, $("map"), $("costs"));
