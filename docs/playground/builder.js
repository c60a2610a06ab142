// Chapter 4's builder: bumps with handles, the network that they are, and the book's score.
"use strict";

const [LOWEST, HIGHEST] = [-3, 3];
const GOAL = 0.4; // the book's; its script takes whatever rounds to it
const won = (deviation) => deviation < GOAL + 0.005;
const XS = linear(0, 1, 400);
const target = XS.map((x) => [x, logit(goal(x))]);

let heights = [];
let random = generator(4);
let area = null; // of the axes in which the handles are

// The network's weighted input at x: the last z, which feed leaves as it is.
const weightedAt = (params, x) => feed(params, [x], "sigmoid").zs.at(-1)[0];

const clamp = (h) => Math.min(HIGHEST, Math.max(LOWEST, h));
const rounded = (h) => Math.round(100 * clamp(h)) / 100;

function draw() {
  const w = weight.get();
  const params = bumps(heights, w);
  // Where steps are steep, a point just before and one just after each of them.
  const near = heights.flatMap((_, k) => [-4, -2, 0, 2, 4].map((d) => k / heights.length + d / w));
  const places = [...XS, ...near.filter((x) => x >= 0 && x <= 1)].sort((one, other) => one - other);
  const found = places.map((x) => [x, weightedAt(params, x)]);
  const x = { low: 0, high: 1, label: "x" };
  area = axes($("weighted"), x, { low: LOWEST - 0.2, high: HIGHEST + 0.2 });
  trace(area, target, "for", { dashed: true });
  trace(area, found, "against");
  const picture = axes($("output"), x, { low: 0, high: 1 });
  trace(picture, XS.map((x) => [x, goal(x)]), "for", { dashed: true });
  trace(picture, found.map(([x, z]) => [x, sigmoid(z)]), "against");

  const deviation = score(heights);
  const five = heights.length === 5;
  $("score").textContent = figure(deviation);
  $("score").className = five && won(deviation) ? "won" : "";
  const asked = `; ${won(deviation) ? "done, " : ""}the book asks for 0.40 or less`;
  $("score-told").textContent = `average deviation${five ? asked : ""}`;
  const told = "What is wanted and what the network computes, against x";
  $("weighted").setAttribute("aria-label", `${told}: average deviation ${figure(deviation)}`);
  const off = XS.reduce((sum, x) => sum + Math.abs(sigmoid(weightedAt(params, x)) - goal(x)), 0) / XS.length;
  $("output").setAttribute("aria-label", `f and the network's output, against x: on average ${figure(off)} apart`);
  place();
  showNetwork(params, w, off);
}
const show = once(draw);

function showNetwork([below, above], w, off) {
  const sizes = `1 input, ${below.bias.length} hidden neurons of weight ${w}, 1 output of bias 0`;
  $("network-told").textContent = `${sizes}. Its output is ${figure(off)} away from f on average.`;
  $("network").replaceChildren(
    ...Array.from(below.bias, (bias, j) => {
      const row = document.createElement("tr");
      const cells = [j + 1, figure(-bias / w, 2), figure(bias, 1), figure(above.weight[j], 2)];
      row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    }),
  );
}

// The handles: one on each bump, to drag up and down, and for the arrow keys.

function place() {
  const { at } = area;
  [...$("handles").children].forEach((handle, k) => {
    const [left, top] = at((k + 0.5) / heights.length, heights[k]);
    Object.assign(handle.style, { left: `${left}px`, top: `${top}px` });
    handle.setAttribute("aria-valuenow", heights[k]);
    const told = `height ${figure(heights[k], 2)}, average deviation ${figure(score(heights))}`;
    handle.setAttribute("aria-valuetext", told);
  });
}

function move(k, height) {
  heights[k] = rounded(height);
  show();
}

let speaking = 0;
function say() {
  clearTimeout(speaking);
  speaking = setTimeout(() => ($("said").textContent = `Average deviation ${figure(score(heights))}.`), 400);
}

const STEPS = { ArrowUp: 0.1, ArrowRight: 0.1, ArrowDown: -0.1, ArrowLeft: -0.1, PageUp: 0.5, PageDown: -0.5 };

function handle(k) {
  const made = document.createElement("div");
  const [left, right] = [k, k + 1].map((edge) => figure(edge / heights.length, 2));
  const marks = { label: `Bump ${k + 1}, from ${left} to ${right}`, orientation: "vertical", valuemin: LOWEST, valuemax: HIGHEST };
  for (const [name, value] of Object.entries(marks)) made.setAttribute(`aria-${name}`, value);
  made.setAttribute("role", "slider");
  made.tabIndex = 0;
  made.addEventListener("keydown", (event) => {
    if (event.key === "Home" || event.key === "End") move(k, event.key === "Home" ? LOWEST : HIGHEST);
    else if (event.key in STEPS) move(k, heights[k] + STEPS[event.key] * (event.shiftKey ? 0.1 : 1));
    else return;
    event.preventDefault();
  });
  let grip = null; // how far from the middle of the handle it was taken
  made.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    made.setPointerCapture(event.pointerId);
    grip = event.clientY - $("weighted").getBoundingClientRect().top - area.at(0, heights[k])[1];
  });
  made.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const row = event.clientY - $("weighted").getBoundingClientRect().top - grip;
    const [zero, one] = [area.at(0, 0)[1], area.at(0, 1)[1]];
    move(k, (row - zero) / (one - zero));
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    made.addEventListener(kind, () => {
      grip = null;
      say();
    });
  }
  return made;
}

function set(wanted) {
  heights = wanted.map(rounded);
  const old = $("handles").children.length;
  if (old !== heights.length) $("handles").replaceChildren(...heights.map((_, k) => handle(k)));
  show();
}

// As the book begins: at random, from -1.5 to 1.5.
const fresh = () => set(Array.from({ length: pairs.get() }, () => 3 * random.uniform() - 1.5));

const pairs = slider("pairs", [1, 2, 4, 5, 10, 20, 25], String, fresh);
const weight = slider("weight", [10, 20, 50, 100, 200, 500, 1000], String, show);
pairs.set(5);
weight.set(1000);
$("new").addEventListener("click", () => {
  fresh();
  say();
});
$("best").addEventListener("click", () => {
  set(best(pairs.get()));
  say();
});
fresh();
watch(show, $("weighted"));
