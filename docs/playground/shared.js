// What the pages of the playground share: colours, curves, and controls with their values beside them.
"use strict";

const $ = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");

// Colours are those of the style sheet, which knows dark from light.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const channels = (name) => [1, 3, 5].map((i) => parseInt(colour(name).slice(i, i + 2), 16));

// A number as people read it: 0.0123, 4.56, 1.2 × 10⁻⁵.
const raised = (power) => String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
function figure(x, digits = 3) {
  if (!Number.isFinite(x)) return "no number";
  if (x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5)) {
    const [mantissa, power] = x.toExponential(1).split("e");
    return `${mantissa} × 10${raised(Number(power))}`.replace("-", "−");
  }
  return x.toFixed(digits).replace("-", "−");
}

// Calls `draw` before the next picture, once, however often it is asked.
function once(draw) {
  let waiting = 0;
  return () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      draw();
    });
  };
}

// Calls `draw` anew where the window or the colours of the system change.
function watch(draw, ...elements) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  const observer = new ResizeObserver(draw);
  elements.forEach((element) => observer.observe(element));
}

// A canvas as large as it is shown, in which one unit is one CSS pixel.
function sheet(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  pen.lineJoin = "round";
  return { pen, width, height };
}

// Round numbers from low to high, about `count` of them; powers of ten on a logarithmic axis.
function ticks({ low, high, log }, count) {
  if (log) {
    const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((last - first + 1) / count));
    const powers = Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => last - k);
    return powers.filter((_, k) => k % every === 0).map((power) => 10 ** power);
  }
  const rough = (high - low) / count;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((x) => x * ten).find((x) => x >= rough - 1e-12);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}
function tick(x, log) {
  return log ? `10${raised(Math.round(Math.log10(x)))}` : String(Number(x.toPrecision(6))).replace("-", "−");
}

// The axes of a picture: what they show and where. An axis is { low, high, label, log }.
function axes(canvas, x, y) {
  const { pen, width, height } = sheet(canvas);
  const [left, right, top, bottom] = [42, width - 10, 10, height - 36];
  const part = (value, { low, high, log }) =>
    log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const at = (a, b) => [left + part(a, x) * (right - left), bottom - part(b, y) * (bottom - top)];
  const [soft, grid, line] = ["soft", "grid", "line"].map(colour);
  pen.lineWidth = 1;
  pen.fillStyle = soft;
  pen.textBaseline = "middle";
  for (const value of ticks(y, Math.max(2, (bottom - top) / 34))) {
    const row = at(x.low, value)[1];
    pen.strokeStyle = grid;
    pen.strokeRect(left, row, right - left, 0);
    pen.textAlign = "right";
    pen.fillText(tick(value, y.log), left - 6, row);
  }
  const across = ticks(x, Math.max(3, (right - left) / 70));
  pen.textAlign = "center";
  for (const value of across) {
    const words = tick(value);
    pen.fillText(words, Math.min(at(value, y.low)[0], width - pen.measureText(words).width / 2), bottom + 12);
  }
  pen.strokeStyle = line;
  pen.strokeRect(left, bottom, right - left, 0);
  pen.fillText(x.label, (left + right) / 2, bottom + 28);
  const inside = (draw) => {
    pen.save();
    pen.beginPath();
    pen.rect(left - 1, top - 3, right - left + 4, bottom - top + 6);
    pen.clip();
    draw();
    pen.restore();
  };
  return { pen, at, inside, box: { left, right, top, bottom } };
}

// A line through points [[x, y], ...] of axes; a point that is no number leaves a gap.
function trace({ pen, at, inside }, points, name, { dashed = false, width = 2.2 } = {}) {
  inside(() => {
    pen.beginPath();
    let down = false;
    for (const [a, b] of points) {
      const [px, py] = at(a, b);
      down = Number.isFinite(py) && (down ? pen.lineTo(px, py) : pen.moveTo(px, py), true);
    }
    Object.assign(pen, { strokeStyle: colour(name), lineWidth: width });
    pen.setLineDash(dashed ? [6, 4] : []);
    pen.stroke();
    pen.setLineDash([]);
  });
}

function spot({ pen, at, inside }, [a, b], name, radius = 5) {
  inside(() => {
    pen.beginPath();
    pen.arc(...at(a, b), radius, 0, 7);
    Object.assign(pen, { fillStyle: colour(name), strokeStyle: colour("back"), lineWidth: 2 });
    pen.fill();
    pen.stroke();
  });
}

// A slider over a list of values, its value in words beside it. `set` takes one of the values.
function slider(id, values, words, changed) {
  const [input, told] = [$(id), $(`${id}-value`)];
  Object.assign(input, { min: 0, max: values.length - 1, step: 1 });
  const show = () => {
    told.textContent = words(values[input.value]);
    input.setAttribute("aria-valuetext", told.textContent);
  };
  input.addEventListener("input", () => {
    show();
    changed();
  });
  return {
    get: () => values[input.value],
    set: (value) => {
      const away = values.map((x) => Math.abs(x - value));
      input.value = away.indexOf(Math.min(...away));
      show();
    },
  };
}

function choice(id, changed) {
  const select = $(id);
  select.addEventListener("change", changed);
  return { get: () => select.value, set: (value) => (select.value = value) };
}

// Buttons that set controls: data-set holds their values, by the names of the controls; those it leaves out get those of
// `others`, where it has them.
function tries(controls, others, changed) {
  for (const button of document.querySelectorAll("[data-set]")) {
    button.addEventListener("click", () => {
      for (const [name, value] of Object.entries({ ...others, ...JSON.parse(button.dataset.set) })) controls[name].set(value);
      changed();
    });
  }
}

// The numbers from low to high, `each` of them for every one: 1, 1.1, 1.2 with each = 10.
const linear = (low, high, each) =>
  Array.from({ length: Math.round((high - low) * each) + 1 }, (_, k) => Math.round(low * each + k) / each);
