// One neuron, input 1, wanted output 0: its whole life with either cost, of which the slider shows one epoch.
"use strict";

const EPOCHS = 300;
// As the script of the book's two widgets steps: along dC/da = 1/(1 - a), where dC/dz = a belongs.
const SCRIPT = { ...COSTS.cross_entropy, delta: (z) => 1 / sigmoid(-z) };

// The neuron at the start and after each epoch: weight, bias, weighted input, output, cost, and the step's direction.
function life(w, b, output, eta) {
  const params = [{ inputs: 1, weight: Float64Array.of(w), bias: Float64Array.of(b) }];
  return Array.from({ length: EPOCHS + 1 }, () => {
    const [w, b] = [params[0].weight[0], params[0].bias[0]];
    const { cost, grads } = backprop(params, [[1]], [0], "sigmoid", output);
    descend(params, grads, eta, 0, 1);
    return { w, b, z: w + b, a: sigmoid(w + b), cost, along: grads[0].weight[0] };
  });
}

const controls = {
  weight: slider("weight", linear(-2, 3, 10), (x) => figure(x, 1), restart),
  bias: slider("bias", linear(-2, 3, 10), (x) => figure(x, 1), restart),
  quadratic: slider("quadratic", [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.3, 0.5, 1, 2], String, restart),
  entropy: slider("entropy", [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.3, 0.5, 1, 2], String, restart),
  rule: choice("rule", restart),
};
const epoch = slider("epoch", linear(0, EPOCHS, 1), String, () => {
  halt();
  show();
});

let lives = {};
let running = 0;

function draw() {
  const now = epoch.get();
  for (const [name, line] of Object.entries({ quadratic: "against", entropy: "for" })) {
    const { w, b, z, a, cost, along } = lives[name][now];
    const slope = NEURONS.sigmoid.prime(z);
    const figures = { a, slope, along, cost, w, b };
    for (const [what, value] of Object.entries(figures)) $(`${what}-${name}`).textContent = figure(value);
    const canvas = $(`curve-${name}`);
    const picture = axes(canvas, { low: -6, high: 6, label: "weighted input z" }, { low: -0.08, high: 1.12 });
    trace(picture, linear(-6, 6, 10).map((x) => [x, sigmoid(x)]), "soft", { width: 1.5 });
    const reach = 1.6 / Math.hypot(1, 8 * slope); // as long on the screen whatever the slope
    trace(picture, [-reach, reach].map((x) => [z + x, a + slope * x]), line, { width: 3 });
    spot(picture, [z, a], line, 6);
    const told = `weighted input ${figure(z)}, output ${figure(a)}, slope ${figure(slope)}`;
    canvas.setAttribute("aria-label", `The neuron on its curve: ${told}`);
  }
  const top = Math.max(...Object.entries(lives).map(([name, all]) => all[0].along * controls[name].get()));
  const x = { low: 0, high: EPOCHS, label: "epoch" };
  const pictures = {
    outputs: [{ low: 0, high: 1 }, ({ a }) => a, "Output"],
    moves: [{ low: 0, high: Math.max(1e-4, 1.05 * top) }, ({ along }, eta) => along * eta, "Step"],
  };
  for (const [id, [y, value, told]] of Object.entries(pictures)) {
    const picture = axes($(id), x, y);
    const values = {};
    for (const [name, all] of Object.entries(lives)) values[name] = all.map((one) => value(one, controls[name].get()));
    for (const [name, line] of [["quadratic", "against"], ["entropy", "for"]]) {
      trace(picture, values[name].map((y, k) => [k, y]), line, { dashed: name === "entropy" });
      spot(picture, [now, values[name][now]], line);
    }
    const [one, other] = [values.quadratic, values.entropy].map((all) => figure(all[now]));
    const figures = `${one} with the quadratic cost, ${other} with the cross-entropy`;
    $(id).setAttribute("aria-label", `${told} against epochs; after ${now}: ${figures}`);
  }
}
const show = once(draw);

function restart() {
  const [w, b] = [controls.weight.get(), controls.bias.get()];
  const right = controls.rule.get() === "right";
  lives = {
    quadratic: life(w, b, COSTS.quadratic, controls.quadratic.get()),
    entropy: life(w, b, right ? COSTS.cross_entropy : SCRIPT, controls.entropy.get()),
  };
  $("along-entropy-name").textContent = right ? "step along a" : "step along 1/(1 − a)";
  show();
}

function halt() {
  cancelAnimationFrame(running);
  running = 0;
  $("run").textContent = "Run";
}

function say() {
  const [one, other] = ["quadratic", "entropy"].map((name) => figure(lives[name][epoch.get()].a));
  $("said").textContent = `Epoch ${epoch.get()}: output ${one} with the quadratic cost, ${other} with the cross-entropy.`;
}

function run() {
  if (running) return halt();
  if (epoch.get() === EPOCHS || still.matches) epoch.set(still.matches ? EPOCHS : 0);
  $("run").textContent = "Pause";
  const more = () => {
    if (epoch.get() < EPOCHS) epoch.set(epoch.get() + 1);
    draw();
    if (epoch.get() < EPOCHS) running = requestAnimationFrame(more);
    else {
      halt();
      say();
    }
  };
  more();
}

$("run").addEventListener("click", run);
$("step").addEventListener("click", () => {
  halt();
  epoch.set(Math.min(EPOCHS, epoch.get() + 1));
  show();
  say();
});
$("reset").addEventListener("click", () => {
  halt();
  epoch.set(0);
  show();
  say();
});
const start = { weight: 2, bias: 2, quadratic: 0.15, entropy: 0.005, rule: "script" };
for (const [name, value] of Object.entries(start)) controls[name].set(value);
epoch.set(0);
tries(controls, {}, () => {
  halt();
  epoch.set(0);
  restart();
});
watch(show, $("outputs"));
restart();
