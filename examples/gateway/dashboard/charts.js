// Charts: from numbers to SVG. Nothing in here knows what the numbers mean.

/** How much of the past is kept, in milliseconds, and how much is shown: no more than there is. */
const KEPT = 120_000;
let shown = KEPT;
/** What is left free around a chart, in pixels. */
const EDGE = { left: 40, right: 12, top: 10, bottom: 22 };

const clip = (value, low, high) => Math.min(Math.max(value, low), high);
const sum = (list) => list.reduce((total, value) => total + value, 0);
const px = (value) => value.toFixed(1);

/** A number as short as is useful: 0.4, 7, 830, 12.3k, 4.56M. */
function short(value) {
  if (value >= 1e6) return (value / 1e6).toPrecision(3) + "M";
  if (value >= 1e4) return (value / 1e3).toPrecision(3) + "k";
  return Number.isInteger(value) || value >= 9.95 ? value.toFixed(0) : value.toFixed(1);
}

/** A span of so many milliseconds. */
function span(ms) {
  if (ms === null || !Number.isFinite(ms)) return "–";
  if (ms < 9.95) return ms.toFixed(1) + " ms";
  if (ms < 999.5) return ms.toFixed(0) + " ms";
  if (ms < 59_950) return (ms / 1000).toFixed(ms < 9_950 ? 1 : 0) + " s";
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1000) % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}

/** The distance between grid lines, so that `most` is reached in at most `count` round steps. */
function step(most, count) {
  const rough = Math.max(most, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  // Steps of 2.5 are no whole numbers below ten.
  const factors = power < 10 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10];
  return factors.map((factor) => factor * power).find((size) => size >= rough - 1e-12);
}

/** A frame of the element's size, and where in it things are. */
function frame(element, low, high) {
  const width = Math.max(element.clientWidth, 200), height = element.clientHeight;
  const right = width - EDGE.right, bottom = height - EDGE.bottom;
  return {
    width, height, right, bottom, left: EDGE.left, top: EDGE.top,
    /** Where something is that happened so many milliseconds ago. */
    x: (ago) => right - clip(ago / shown, 0, 1) * (right - EDGE.left),
    y: (value) => bottom - (value - low) / (high - low || 1) * (bottom - EDGE.top),
  };
}

const line = (kind, x1, y1, x2, y2) =>
  `<line class="${kind}" x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}"/>`;
const rect = (kind, x, y, width, height, round = 0) =>
  `<rect class="${kind}" x="${px(x)}" y="${px(y)}" width="${px(Math.max(width, 0))}" height="${px(Math.max(height, 0))}" rx="${round}"/>`;
const label = (kind, x, y, text) => `<text class="${kind}" x="${px(x)}" y="${px(y)}">${text}</text>`;

/** Replaces what an element shows. */
function draw(element, at, parts) {
  element.innerHTML = `<svg viewBox="0 0 ${at.width} ${at.height}" aria-hidden="true">${parts.join("")}</svg>`;
}

/** Horizontal lines with numbers. */
function levels(at, low, high, size) {
  const parts = [];
  for (let n = Math.ceil(low / size - 1e-9); n * size <= high + size * 1e-6; n += 1) {
    const y = at.y(n * size);
    parts.push(line(n === 0 ? "axis" : "grid", at.left, y, at.right, y));
    parts.push(label("end", at.left - 7, y + 4, short(Math.abs(n * size))));
  }
  return parts;
}

/** What stands below a time line. */
function times(at) {
  const parts = at.width < 440 || shown % 4_000 ? 3 : 4;
  return Array.from({ length: parts + 1 }, (_, part) => {
    const ago = Math.round(shown / 1000 * (1 - part / parts)), x = at.x(ago * 1000);
    const kind = part === parts ? "end" : part === 0 ? "" : "mid";
    const text = part === parts ? "now" : part === 0 ? `${ago} s ago` : `${ago} s`;
    return line("axis", x, at.bottom, x, at.bottom + 4) + label(kind, x, at.bottom + 18, text);
  });
}

/** The corners of steps: each value lasts from the beginning of its tick to the end. */
const steps = (at, when, values) => when.flatMap(({ from, to }, i) => {
  const y = px(at.y(values[i]));
  return [`${px(at.x(from))},${y}`, `${px(at.x(to))},${y}`];
});

/** Areas on top of each other, from zero up, or down if `sign` is -1. */
function stack(at, when, series, sign = 1) {
  let base = when.map(() => 0);
  return series.map(({ kind, values }) => {
    const top = base.map((below, i) => below + sign * values[i]);
    const rim = steps(at, when, top), back = steps(at, when, base).reverse();
    base = top;
    return `<polygon class="f ${kind}" points="${rim.concat(back).join(" ")}"/><polyline class="rim" points="${rim.join(" ")}"/>`;
  });
}

/** One line; its dashes tell it from the others without its colour. */
function curve(at, when, { kind, values, dash }) {
  const points = when.map(({ to }, i) => `${px(at.x(to))},${px(at.y(values[i]))}`).join(" ");
  return `<polyline class="line s ${kind}" points="${points}"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`;
}

/** Changes a text only if it is another: whoever has it read aloud is not to be interrupted. */
function put(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Builds the inside of an element anew only if its shape has changed. */
function shape(element, html) {
  if (element.shape === html) return;
  element.innerHTML = element.shape = html;
}

/** The entries of a legend: a sign, a name, a value. */
function legend(element, entries) {
  const drawn = (sign) => (sign ? `<svg viewBox="0 0 14 12" aria-hidden="true">${sign}</svg>` : "");
  shape(element, entries.map(({ sign, name }) => `<li>${drawn(sign)}<span>${name}</span> <b></b></li>`).join(""));
  element.querySelectorAll("b").forEach((value, i) => put(value, entries[i].value));
}

const square = (kind) => `<rect class="f ${kind}" x="1" width="12" height="12" rx="3"/>`;
const dashes = (kind, dash) =>
  `<line class="line s ${kind}" x1="1" y1="6" x2="13" y2="6"${dash ? ` stroke-dasharray="${dash}"` : ""}/>`;

/** A table with headings on both sides. */
function table(element, caption, heads, rows) {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join("");
  const row = `<tr><th scope="row"></th>${"<td></td>".repeat(heads.length - 1)}</tr>`;
  shape(element, `<caption></caption><thead><tr>${head}</tr></thead><tbody>${row.repeat(rows.length)}</tbody>`);
  put(element.caption, caption);
  const cells = element.tBodies[0].querySelectorAll("th, td");
  rows.flat().forEach((text, i) => put(cells[i], text));
}
