// The diagram: the image, each layer as cells or small images that are lit, and the strongest connections between them.

// A grid of n cells in a box: where each one's middle is, and their size.
function grid(n, width, height, largest) {
  let size = Math.min(largest, height);
  while (Math.floor(width / size) * Math.floor(height / size) < n) size *= 0.97;
  const rows = Math.min(n, Math.ceil(n / Math.ceil(n / Math.floor(height / size))));
  const columns = Math.ceil(n / rows);
  const at = (i) => [(Math.floor(i / rows) - (columns - 1) / 2) * size, ((i % rows) - (rows - 1) / 2) * size];
  return { at, size };
}

// Whether a layer of this shape is one of maps, [height, width, channels], each of which is shown as an image.
const isMaps = (shape) => shape.length === 3 && shape[0] * shape[1] > 1;

const mapsOf = (count) => (count === 1 ? "1 map" : `${count} maps`);

// A layer in a box: where the middle of each of its `count` cells is, or of each map, and their size.
function column(shape, width, height) {
  const maps = isMaps(shape);
  const count = maps ? shape[2] : shape.reduce((x, y) => x * y);
  return { count, ...grid(count, width, height, maps ? width : 18), map: maps ? shape.slice(0, 2) : null };
}

// The layers that are shown, each with what is in it: all but the outputs, and the layer that these are the outputs of.
function steps() {
  const all = network.layers.map((layer, k) => ({ layer, run: shown?.inside[k] })).filter(({ layer }) => layer.kind);
  return { hidden: all.slice(0, -1), all };
}

// Where everything is: the image, the hidden layers, the outputs. Those are beside their bars, if the bars are on the
// right, and have names if not.
function places(hidden, box, foot) {
  const { width } = box;
  const height = box.height - foot;
  const maps = hidden.filter(({ layer }) => isMaps(layer.shape)).length;
  const image = Math.min((maps ? 0.24 : 0.3) * width, 0.8 * height, 190);
  const pixel = image / longer;
  const bars = [...$("outputs").children].map((item) => item.getBoundingClientRect());
  const beside = bars.length && bars[0].left >= box.right - 1;
  const last = beside ? width - 14 : width - 24;
  const room = last - 14 - image;
  const found = [
    {
      x: image / 2 + 1,
      pixel,
      count: network.height * network.width,
      at: (i) => [((i % network.width) - (network.width - 1) / 2) * pixel, (Math.floor(i / network.width) - (network.height - 1) / 2) * pixel],
      caption: [`${network.height} × ${network.width}`, "pixels"],
    },
  ];
  // Maps need twice the width of cells, and no room for lines between them.
  const unit = ((maps ? 0.75 : 0.5) * room) / (hidden.length + maps);
  const widths = hidden.map(({ layer }) => (isMaps(layer.shape) ? Math.min(220, 2 * unit) : Math.min(150, unit)));
  const gap = (room - widths.reduce((x, y) => x + y, 0)) / (hidden.length + 1);
  let left = image;
  hidden.forEach(({ layer: { shape, kind } }, k) => {
    const size = isMaps(shape) ? [mapsOf(shape[2]), `${shape[0]} × ${shape[1]}`] : [shape.join(" × ")];
    left += gap + widths[k];
    found.push({ x: left - widths[k] / 2, ...column(shape, widths[k], height - 8), caption: [...size, kind] });
  });
  const spread = Math.min(34, height / names.length);
  const row = (k) => (beside ? bars[k].top + bars[k].height / 2 - box.top - height / 2 : (k - (names.length - 1) / 2) * spread);
  found.push({
    x: last,
    count: names.length,
    at: (k) => [0, row(k)],
    size: Math.min(24, spread * 0.9),
    map: null,
    caption: beside ? [] : [`${names.length}`, "outputs"],
    named: !beside,
  });
  return found;
}

// The strongest connections: those into neurons that fire, and into the output that is asked about. Only a dense layer
// has such; a neuron of a map looks at a small part of all maps.
function drawLines(pen, all, where, placed) {
  const answer = asked ?? shown.order[0];
  all.forEach(({ layer, run }, k) => {
    if (!layer.pulls) return;
    const pulls = layer.pulls(run.saved, Math.max(2, Math.min(12, Math.round(300 / layer.shape[0]))), where[k].count);
    const fires = light(run.output, NEURONS[layer.neuron].range);
    const weight = (to) => (k === all.length - 1 ? (to === answer ? 1 : 0.12) : Math.abs(fires[to]));
    const top = pulls.reduce((x, pull) => Math.max(x, Math.abs(pull[2])), 1e-9);
    const lines = pulls.map(([from, to, pull]) => [from, to, pull, (Math.abs(pull) / top) ** 0.7 * weight(to)]);
    lines.sort((one, other) => one[3] - other[3]);
    for (const [from, to, pull, strength] of lines.slice(-300)) {
      if (strength < 0.02) continue;
      const [[x0, y0], [x1, y1]] = [placed(where[k], from), placed(where[k + 1], to)];
      pen.beginPath();
      pen.moveTo(x0, y0);
      pen.bezierCurveTo(x0 + (x1 - x0) / 2, y0, x0 + (x1 - x0) / 2, y1, x1, y1);
      pen.strokeStyle = css(side(pull), 0.9 * strength);
      pen.lineWidth = 0.7 + 1.6 * strength;
      pen.stroke();
    }
  });
}

// An image in a frame, its middle at [x, y]; `colour` gives the colour of each of its pixels.
const tile = document.createElement("canvas");
function drawImage(pen, [x, y], [rows, columns], pixel, colour) {
  const [width, height] = [columns * pixel, rows * pixel];
  pen.imageSmoothingEnabled = pixel * pen.getTransform().a < 1; // or pixels would be missing
  pen.drawImage(picture(tile, rows, columns, colour), x - width / 2, y - height / 2, width, height);
  pen.strokeRect(x - width / 2, y - height / 2, width, height);
}

function drawCells(pen, place, activations, range, placed) {
  const cells = place.count * (place.map ? place.map[0] * place.map[1] : 1);
  const lit = activations ? light(activations, range) : new Float64Array(cells);
  for (let i = 0; i < place.count; i++) {
    const [x, y] = placed(place, i);
    if (place.map) {
      const pixel = (0.88 * place.size) / Math.max(...place.map);
      drawImage(pen, [x, y], place.map, pixel, (k) => cell(lit[k * place.count + i]));
      continue;
    }
    pen.fillStyle = css(cell(lit[i]));
    pen.beginPath();
    if (place.size >= 6) pen.arc(x, y, 0.42 * place.size, 0, 7);
    else pen.rect(x - place.size / 2, y - place.size / 2, place.size, place.size);
    pen.fill();
    if (place.size >= 6) pen.stroke();
    if (place.named) {
      pen.fillStyle = css(Math.abs(lit[i]) > 0.5 ? colours.paper : colours.lit);
      pen.fillText(names[i].slice(0, 2), x, y + 0.5);
    }
  }
}

function drawDiagram() {
  const canvas = $("diagram");
  const [box, ratio] = [canvas.getBoundingClientRect(), window.devicePixelRatio || 1];
  const { width, height } = box;
  if (!width || !height) return;
  Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";

  const { hidden, all } = steps();
  // Captions stand in a line below, and where that is too narrow for them, in two.
  const reach = (place) => Math.max(0, ...place.caption.map((line) => pen.measureText(line).width / 2));
  const at = (place) => Math.min(place.x, width - reach(place));
  let where = places(hidden, box, 12);
  const deep = 16 * Math.max(...where.map(({ caption }) => caption.length));
  const meet = (k) => at(where[k - 1]) + reach(where[k - 1]) + 6 > at(where[k]) - reach(where[k]);
  const lower = where.some((_, k) => k && where[k].caption.length && meet(k)) ? deep : 0;
  const foot = 12 + deep + lower;
  where = places(hidden, box, foot);
  const middle = (height - foot) / 2;
  const placed = (place, i) => {
    const [x, y] = place.at(i);
    return [place.x + x, middle + y];
  };
  if (shown) drawLines(pen, all, where, placed);
  pen.strokeStyle = css(colours.line);
  pen.lineWidth = 1;
  // The image, as the network sees it.
  drawImage(pen, [where[0].x, middle], [network.height, network.width], where[0].pixel, (i) => cell(shown ? shown.image[i] : 0));
  const columns = [...hidden.map(({ layer, run }) => [run?.output, NEURONS[layer.neuron].range]), [shown?.outputs, network.neuron.range]];
  columns.forEach(([activations, range], k) => drawCells(pen, where[k + 1], activations, range, placed));
  pen.fillStyle = css(colours.soft);
  where.forEach((place, k) => {
    const top = height - foot + 16 + (k % 2 ? lower : 0);
    place.caption.forEach((line, i) => pen.fillText(line, at(place), top + 16 * i));
  });

  const told = ({ shape, kind }) => {
    const size = isMaps(shape) ? `${mapsOf(shape[2])} of ${shape[0]} by ${shape[1]}` : shape.join(" by ");
    return `${size} ${kind in NEURONS ? `${kind} neurons` : `after ${kind}`}`;
  };
  const sizes = [`${network.height} by ${network.width} pixels`, ...hidden.map(({ layer }) => told(layer)), `${names.length} outputs`];
  canvas.setAttribute("aria-label", `The network, lit by the drawing: ${sizes.join(", then ")}`);
}
