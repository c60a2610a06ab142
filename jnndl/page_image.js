// A drawing, and the image that the network sees of it: images.centre of jnndl, step by step.

// What part of each pixel of a line lies under each of `wanted` longer ones: [first, [parts]] for each of these.
function averages(size, wanted) {
  return Array.from({ length: wanted }, (_, i) => {
    const [low, high] = [(i * size) / wanted, ((i + 1) * size) / wanted];
    const first = Math.floor(low);
    const parts = [];
    for (let k = first; k < Math.min(size, Math.ceil(high)); k++) {
      parts.push((Math.max(0, Math.min(high, k + 1) - Math.max(low, k)) * wanted) / size);
    }
    return [first, parts];
  });
}

// Where a line of pixels has to start for its centre of mass to be in the middle, and all of it inside.
function corner(mass, size) {
  const sum = mass.reduce((x, y) => x + y, 0);
  const middle = mass.reduce((x, y, i) => x + y * (i + 0.5), 0) / sum;
  return Math.min(Math.max(Math.ceil(size / 2 - middle - 1e-9), 0), size - mass.length);
}

// A drawing of any size, 0 for paper, scaled into a box and put into the middle of an image by its centre of mass: from
// 0 (paper) to 1 (the darkest pixel). Null without any ink.
function centre(ink, [height, width], [rows, columns], box) {
  let [top, bottom, left, right] = [height, -1, width, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!ink[y * width + x]) continue;
      [top, bottom] = [Math.min(top, y), y];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    }
  }
  if (bottom < 0) return null;
  const sizes = [bottom - top + 1, right - left + 1];
  const factor = (box * Math.min(rows, columns)) / Math.max(...sizes);
  const [down, across] = sizes.map((size) => averages(size, Math.max(1, Math.floor(size * factor + 0.5))));
  const small = down.map(([y, parts]) => {
    const line = new Float64Array(sizes[1]);
    parts.forEach((part, k) => {
      const start = (top + y + k) * width + left;
      for (let x = 0; x < line.length; x++) line[x] += part * ink[start + x];
    });
    return across.map(([x, weights]) => weights.reduce((sum, weight, k) => sum + weight * line[x + k], 0));
  });
  const darkest = Math.max(...small.flat());
  const image = new Float64Array(rows * columns);
  const y0 = corner(small.map((line) => line.reduce((x, y) => x + y, 0)), rows);
  const x0 = corner(across.map((_, x) => small.reduce((sum, line) => sum + line[x], 0)), columns);
  small.forEach((line, y) => line.forEach((value, x) => (image[(y0 + y) * columns + x0 + x] = value / darkest)));
  return image;
}

// The pen draws into an array of our own, not into a canvas: the same ink in every browser.
class Ink {
  constructor(height, width, radius) {
    Object.assign(this, { height, width, radius, pixels: new Uint8Array(height * width) });
  }

  clear() {
    this.pixels.fill(0);
  }

  // A straight line with round ends, soft at its edge.
  line([x0, y0], [x1, y1]) {
    const { height, width, radius, pixels } = this;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const low = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - radius - 1));
    const high = (a, b, size) => Math.min(size, Math.ceil(Math.max(a, b) + radius + 1));
    for (let y = low(y0, y1); y < high(y0, y1, height); y++) {
      for (let x = low(x0, x1); x < high(x0, x1, width); x++) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
        const distance = Math.hypot(px - along * dx, py - along * dy);
        const cover = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - distance)));
        if (cover > pixels[y * width + x]) pixels[y * width + x] = cover;
      }
    }
  }
}
