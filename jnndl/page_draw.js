// The page: the pen, the keyboard, and what is shown.

const $ = (id) => document.getElementById(id);
const model = JSON.parse($("model").textContent);
const network = build(model);
const names = model.classes;
const SIDE = 420; // pixels of the drawing's longer side
const longer = Math.max(network.height, network.width);
const ink = new Ink(...[network.height, network.width].map((n) => Math.round((SIDE * n) / longer)), SIDE * 0.04);

let strokes = []; // of the drawing: each a list of points, in pixels of the ink
let asked = null; // the output that is asked about; null for the answer
let shown = null; // what the network made of the drawing; null for an empty one
let example = 0; // the digit drawn next as an example
let playing = 0; // the timer of an example that is being drawn

// What the network makes of the drawing.

function look() {
  const image = centre(ink.pixels, [ink.height, ink.width], [network.height, network.width], model.box);
  if (image === null) return null;
  const pixels = network.pixelsOf(image);
  const run = network.feed(pixels);
  const order = [...run.outputs.keys()].sort((i, j) => run.outputs[j] - run.outputs[i] || i - j);
  return { image, pixels, ...run, order };
}

const figure = (x) => (Math.abs(x) < 1000 ? x.toFixed(2).replace("-", "−") : x.toExponential(1));

// 0 to 1, how far an activation lights its cell; below 0 for a neuron that is active the other way. Where activations
// have no bound, the strongest of the layer is 1.
function light(activations, range) {
  const top = range ? 1 : activations.reduce((x, y) => Math.max(x, Math.abs(y)), 1e-9);
  return activations.map((a) => a / top);
}

// Colours are those of the style sheet, which knows dark from light.

const colours = {};
function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "lit", "soft", "line", "for", "against"]) {
    const hex = style.getPropertyValue(`--${name}`).trim();
    colours[name] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
}
const mixed = (from, to, part) => from.map((x, i) => Math.round(x + (to[i] - x) * part));
const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;
const cell = (x) => mixed(colours.paper, x < 0 ? colours.against : colours.lit, Math.min(1, Math.abs(x)));
const side = (x) => (x < 0 ? colours.against : colours.for);

// Pixel i of an image, number by number: made anew while one draws, so it has to be quick.
function put(data, i, colour, alpha) {
  for (let k = 0; k < 3; k++) data[4 * i + k] = colour[k];
  data[4 * i + 3] = alpha;
}

// An image of one colour per pixel.
function picture(canvas, height, width, colour) {
  Object.assign(canvas, { height, width });
  const data = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) put(data.data, i, colour(i), 255);
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function showInk() {
  const data = new ImageData(ink.width, ink.height);
  for (let i = 0; i < ink.pixels.length; i++) {
    if (ink.pixels[i]) put(data.data, i, colours.lit, ink.pixels[i]);
  }
  $("pad").getContext("2d").putImageData(data, 0, 0);
  $("hint").hidden = strokes.length > 0;
}

function showOutputs() {
  const range = network.neuron.range;
  const lit = shown && light(shown.outputs, range);
  [...$("outputs").children].forEach((item, k) => {
    const [button] = item.children;
    const [, { firstChild: bar }, value] = button.children;
    bar.style.width = shown ? `${100 * Math.max(0, range && range[0] < 0 ? (lit[k] + 1) / 2 : lit[k])}%` : 0;
    value.textContent = shown ? figure(shown.outputs[k]) : "";
    item.className = shown && shown.order[0] === k ? "first" : "";
    button.setAttribute("aria-pressed", String(asked === k));
  });
  const [first, second] = shown ? shown.order : [];
  $("answer").textContent = shown ? names[first] : "";
  $("answer").className = shown && names[first].length > 2 ? "word" : "";
  const next = second === undefined ? "" : `\nthen ${names[second]} (${figure(shown?.outputs[second])})`;
  $("figures").textContent = shown ? figure(shown.outputs[first]) + next : "";
}

function showWhy() {
  const answer = shown && (asked ?? shown.order[0]);
  $("question").textContent = shown ? `What spoke for and against ${names[answer]}?` : "What spoke for and against?";
  const spoke = shown && network.spoke(shown, shown.pixels, answer);
  const top = shown && spoke.reduce((x, y) => Math.max(x, Math.abs(y)), 1e-9);
  picture($("why"), network.height, network.width, (i) => {
    if (!shown) return colours.paper;
    const strength = (Math.abs(spoke[i]) / top) ** 0.6; // so that weaker voices can be seen too
    return mixed(mixed(colours.paper, colours.soft, 0.3 * shown.image[i]), side(spoke[i]), strength);
  });
  const sum = (sign) => figure(spoke.reduce((total, x) => total + Math.max(0, sign * x), 0));
  const told = shown ? `: together ${sum(1)} for it and ${sum(-1)} against it, in its weighted input` : "";
  $("why").setAttribute("aria-label", `Pixels that spoke for and against ${shown ? names[answer] : "the answer"}${told}`);
}

let waiting = 0;
function show() {
  if (waiting) return;
  waiting = requestAnimationFrame(() => {
    waiting = 0;
    shown = strokes.length ? look() : null;
    showInk();
    showOutputs();
    showWhy();
    drawDiagram();
  });
}

// To a screen reader: when a stroke is finished, not while it is drawn.
let speaking = 0;
function say(words) {
  clearTimeout(speaking);
  $("said").textContent = words;
}
function sayAnswer() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    if (!shown) return;
    const [first, second] = shown.order;
    const next = second === undefined ? "" : `, then ${names[second]}, ${figure(shown.outputs[second])}`;
    say(`Answer: ${names[first]}, ${figure(shown.outputs[first])}${next}.`);
  }, 400);
}

// Drawing.

function stop() {
  cancelAnimationFrame(playing);
  playing = 0;
}

function begin(point) {
  if (isExample) clear("");
  strokes.push([point]);
  asked = null;
  ink.line(point, point);
  show();
}

function extend(point) {
  const stroke = strokes.at(-1);
  ink.line(stroke.at(-1), point);
  stroke.push(point);
  show();
}

let isExample = false; // the drawing is an example: the first stroke of one's own takes its place
function clear(words = "Cleared.") {
  stop();
  [strokes, asked, isExample] = [[], null, false];
  lift();
  ink.clear();
  say(words);
  show();
}

function undo() {
  stop();
  lift();
  strokes.pop();
  ink.clear();
  for (const stroke of strokes) stroke.forEach((point, k) => ink.line(stroke[Math.max(0, k - 1)], point));
  if (!strokes.length) isExample = false;
  say(strokes.length ? "Last stroke removed." : "Cleared.");
  show();
  sayAnswer();
}

const pad = $("pad");
Object.assign(pad, { width: ink.width, height: ink.height });
let pointer = null; // the one that draws; a second finger does nothing
const pointOf = (event) => {
  const box = pad.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * ink.width, ((event.clientY - box.top) / box.height) * ink.height];
};
pad.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  pointer = event.pointerId;
  pad.setPointerCapture(pointer);
  lift();
  begin(pointOf(event));
});
pad.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer) return;
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  for (const moved of events.length ? events : [event]) extend(pointOf(moved));
});
for (const kind of ["pointerup", "pointercancel"]) {
  pad.addEventListener(kind, (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    sayAnswer();
  });
}

// A pen for the keyboard.
let spot = [ink.width / 2, ink.height / 4];
let down = false;
function showPen(visible) {
  $("pen").hidden = !visible;
  $("pen").className = down ? "down" : "";
  Object.assign($("pen").style, { left: `${(100 * spot[0]) / ink.width}%`, top: `${(100 * spot[1]) / ink.height}%` });
}
function lift() {
  down = false;
  showPen(false);
}
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
pad.addEventListener("keydown", (event) => {
  if (event.key === " ") {
    down = !down;
    if (down) begin(spot);
    say(down ? "Pen down." : "Pen lifted.");
    if (!down) sayAnswer();
  } else if (event.key in ARROWS && !event.ctrlKey && !event.altKey && !event.metaKey) {
    const step = (event.shiftKey ? 0.25 : 1) * SIDE * 0.04;
    const inside = (x, size) => Math.min(size, Math.max(0, x));
    const [x, y] = ARROWS[event.key].map((direction, k) => spot[k] + direction * step);
    spot = [inside(x, ink.width), inside(y, ink.height)];
    if (down) extend(spot);
  } else return;
  showPen(true);
  event.preventDefault();
});
pad.addEventListener("blur", lift);

document.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  if (!command && ["Escape", "Delete", "Backspace"].includes(event.key)) clear();
  else if (command && !event.shiftKey && event.key.toLowerCase() === "z") undo();
  else return;
  event.preventDefault();
});
$("clear").addEventListener("click", () => clear());
$("undo").addEventListener("click", undo);

// Examples, for networks that know digits: drawn stroke by stroke, in a square of 100.
const DIGITS = [
  "M50 12C25 12 22 88 50 88S75 12 50 12Z",
  "M38 26L54 12V88",
  "M28 32C30 5 74 8 70 36C67 56 40 68 26 86H76",
  "M28 20C45 4 76 14 68 34C64 45 50 47 44 47C60 46 76 54 72 70C66 94 36 92 26 78",
  "M38 12L28 52H76M64 14L58 88",
  "M70 14H38L34 46C52 36 76 46 72 66C68 90 38 92 28 78",
  "M64 12C40 24 28 46 30 68C33 94 70 92 70 68C69 48 40 44 31 64",
  "M26 16H74C62 38 52 62 46 88",
  "M66 22C52 4 28 16 36 34C42 46 68 52 70 70C70 92 32 92 32 70C34 52 62 44 68 30C69 26 68 24 66 22",
  "M68 30C58 6 28 16 31 36C34 56 64 50 68 30C68 52 66 70 58 88",
];
function pointsOf(digit) {
  return DIGITS[digit].split(/(?=M)/).flatMap((stroke) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", stroke);
    const length = path.getTotalLength();
    return Array.from({ length: Math.ceil(length / 3) + 1 }, (_, k) => {
      const { x, y } = path.getPointAtLength(3 * k);
      return { first: k === 0, point: [ink.width / 2 + ((x - 50) * SIDE) / 100, ink.height / 2 + ((y - 50) * SIDE) / 100] };
    });
  });
}

const still = matchMedia("(prefers-reduced-motion: reduce)");
function play(digit) {
  clear("");
  isExample = true;
  const points = pointsOf(digit);
  const more = () => {
    for (const { first, point } of points.splice(0, still.matches ? points.length : 2)) {
      if (first) strokes.push([point]), ink.line(point, point);
      else extend(point);
    }
    show();
    playing = points.length ? requestAnimationFrame(more) : 0;
    if (!playing) sayAnswer();
  };
  more();
}
$("example").addEventListener("click", () => play(example++ % 10));

// The outputs, each a button that asks about it.
names.forEach((name, k) => {
  const item = document.createElement("li");
  item.innerHTML = '<button type="button"><span class="name"></span><span class="track"><span class="bar"></span></span><span class="figure"></span></button>';
  item.querySelector(".name").textContent = name;
  item.firstChild.addEventListener("click", () => {
    asked = asked === k ? null : k;
    show();
  });
  $("outputs").append(item);
});

$("outputs").style.setProperty("--name", `${Math.min(9, Math.max(...names.map((name) => name.length)))}ch`);
const hidden = steps().hidden.map(({ layer }) => layer);
const both = (neuron) => neuron === "tanh" || neuron === "linear";
$("negative").hidden = !both(model.neuron) && !hidden.some(({ neuron }) => both(neuron));
const maps = hidden.some(({ shape }) => isMaps(shape));
$("maps").hidden = !maps;
$("diagram").parentNode.classList.toggle("maps", maps);

const repaint = () => {
  readColours();
  show();
};
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
new ResizeObserver(show).observe($("diagram"));
repaint();
teaching();
if (names.join("") === "0123456789") {
  $("example").hidden = false;
  example = 4;
  play(3);
}
