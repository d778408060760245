// Panels: what each shows of the ticks.

const find = (id) => document.getElementById(id);
const REASONS = ["over the limit", "overloaded", "locked out", "too large"];
const OUTCOMES = ["hit", "miss", "joined", "stale"];
/** From what costs nothing to what costs a call; indices of `OUTCOMES`. */
const BY_COST = [0, 3, 2, 1];
const DASHES = ["", "7 4", "2 4"];

/** What is shown, and which moment is looked at: the `at` of a tick, or null for the last. */
const seen = { names: { classes: [], bins: [] }, now: 0, ticks: [], lockouts: [], totals: null };
const looked = { at: null };

const rate = (tick, count) => (tick.span > 0 ? count * 1000 / tick.span : 0);
const rates = (key, index) => seen.ticks.map((tick) => rate(tick, tick[key][index]));
const moment = () => seen.ticks.find((tick) => tick.at === looked.at) ?? seen.ticks.at(-1);
const mean = (values) => (values.length ? sum(values) / values.length : 0);
const percent = (part, whole) => (whole > 0 ? (100 * part / whole).toFixed(0) + " %" : "–");
/** What was locked out when: pairs of milliseconds ago, the end first bounded by now. */
const locked = () => seen.lockouts
  .map(([from, to]) => ({ from, to, start: seen.now - from, end: Math.max(seen.now - to, 0), on: to > seen.now }))
  .filter(({ end }) => end < shown);

/** Draws everything. */
function show() {
  if (!seen.totals) return;
  tiles();
  const first = seen.ticks[0];
  const reach = first ? seen.now - first.at + first.span : 0;
  shown = [30_000, 45_000, 60_000, 90_000, KEPT].find((length) => length >= reach - 500) ?? KEPT;
  const when = seen.ticks.map((tick) => ({ from: seen.now - tick.at + tick.span, to: seen.now - tick.at }));
  requests(when);
  lockouts();
  waiting(when);
  latency();
  cache(when);
  batches();
}

function tiles() {
  const tick = seen.ticks.at(-1);
  const tile = (id, text) => put(find(id), text);
  tile("uptime", span(seen.now));
  if (!tick) return;
  tile("now-admitted", short(rate(tick, sum(tick.admitted))));
  tile("now-refused", short(rate(tick, sum(tick.refused))));
  tile("now-waiting", short(sum(tick.waiting)));
  tile("now-failed", short(rate(tick, sum(tick.failed))));
  const recent = OUTCOMES.map((_, index) => sum(seen.ticks.slice(-10).map((each) => each.cached[index])));
  tile("now-cached", percent(sum(recent) - recent[1], sum(recent)));
  const left = Math.max(0, ...seen.lockouts.map(([, to]) => to - seen.now));
  tile("now-upstream", left > 0 ? span(left) : "open");
  tile("now-upstream-unit", left > 0 ? "locked out" : "");
  find("tile-upstream").classList.toggle("closed", left > 0);
}

/** A vertical line where one looks. */
function cross(at) {
  const tick = moment();
  if (!tick || tick.at !== looked.at) return "";
  const ago = seen.now - tick.at, x = at.x(ago);
  return line("cross", x, at.top, x, at.bottom) + label(x > at.width / 2 ? "end strong value" : "strong value",
    x + (x > at.width / 2 ? -5 : 5), at.top + 4, `${span(ago)} ago`);
}

function requests(when) {
  const { classes } = seen.names;
  const admitted = classes.map((kind, index) => ({ kind, values: rates("admitted", index) }));
  const refused = seen.ticks.map((tick) => rate(tick, sum(tick.refused)));
  const most = Math.max(1, ...when.map((_, i) => sum(admitted.map(({ values }) => values[i]))));
  const least = Math.max(...refused, most / 8);
  const size = step(most + least, 6);
  const high = Math.ceil(most / size) * size, low = -Math.ceil(least / size) * size;
  const element = find("chart-requests");
  const at = frame(element, low, high);
  const shades = locked().map(({ start, end }) => rect("shade", at.x(start), at.top, at.x(end) - at.x(start), at.bottom - at.top));
  draw(element, at, [
    ...shades, ...levels(at, low, high, size), ...stack(at, when, admitted),
    ...stack(at, when, [{ kind: "refused", values: refused }], -1),
    line("axis", at.left, at.y(0), at.right, at.y(0)), ...times(at), cross(at),
  ]);
  const tick = moment();
  const now = (index) => (tick ? short(rate(tick, tick.admitted[index])) : "–");
  const off = tick ? short(rate(tick, sum(tick.refused))) : "–";
  legend(find("legend-requests"), [
    ...classes.map((name, index) => ({ sign: square(name), name, value: now(index) })),
    { sign: square("refused"), name: "refused", value: off },
  ]);
  const { totals } = seen;
  const lines = classes.map((name, index) => `${name} ${now(index)}`).join(", ");
  element.setAttribute("aria-label", `Admitted per second: ${lines}. Refused per second: ${off}. Left and right arrow look at earlier moments.`);
  table(find("table-requests"), "Requests admitted per second, and all since the start", ["", "per s", "mean", "admitted", "refused", "5xx"],
    classes.map((name, index) => [name, now(index), short(mean(admitted[index].values)),
      totals.admitted[index], totals.refused[index], totals.failed[index]]));
  table(find("table-refusals"), "Refused, by reason", ["", "per s", "since the start"],
    REASONS.map((name, index) => [name, tick ? short(rate(tick, tick.reasons[index])) : "–", totals.reasons[index]]));
}

function lockouts() {
  const element = find("chart-lockouts");
  const at = frame(element, 0, 1);
  const list = locked();
  const tall = at.bottom - 4;
  const bars = list.map(({ from, to, start, end, on }) => {
    const x = at.x(start), width = Math.max(at.x(end) - x, 2);
    const text = on ? `${span(to - seen.now)} left` : span(to - from);
    const note = width > 40 ? `<text class="note mid" x="${px(x + width / 2)}" y="${px(4 + tall / 2 + 4)}">${text}</text>` : "";
    return rect("f refused", x, 4, width, tall, 3) + note;
  });
  const none = list.length ? "" : label("mid", (at.left + at.right) / 2, 4 + tall / 2 + 4, "none");
  draw(element, at, [line("axis", at.left, at.bottom, at.right, at.bottom), ...bars, none, ...times(at)]);
  const said = list.map(({ from, to, start }) => `${span(start)} ago for ${span(to - from)}`);
  element.setAttribute("aria-label", said.length ? `Locked out: ${said.slice(-5).join("; ")}.` : "No lockout lately.");
  table(find("table-lockouts"), "The last lockouts", ["", "for", "ended"], seen.lockouts.slice(-8).reverse().map(([from, to]) =>
    [`${span(seen.now - from)} ago`, span(to - from), to > seen.now ? `in ${span(to - seen.now)}` : `${span(seen.now - to)} ago`]));
}

function waiting(when) {
  const { classes } = seen.names;
  const series = classes.map((kind, index) => ({ kind, dash: DASHES[index], values: seen.ticks.map((tick) => tick.waiting[index]) }));
  const most = Math.max(4, ...series.flatMap(({ values }) => values));
  const size = Math.max(1, step(most, 4)), high = Math.ceil(most / size) * size;
  const element = find("chart-waiting");
  const at = frame(element, 0, high);
  draw(element, at, [...levels(at, 0, high, size), ...series.map((each) => curve(at, when, each)).reverse(), ...times(at), cross(at)]);
  const tick = moment();
  const now = (index) => (tick ? short(tick.waiting[index]) : "–");
  legend(find("legend-waiting"), classes.map((name, index) => ({ sign: dashes(name, ["", "5 3", "2 3"][index]), name, value: now(index) })));
  element.setAttribute("aria-label", `In line: ${classes.map((name, index) => `${name} ${now(index)}`).join(", ")}.`);
  table(find("table-waiting"), "Requests in line, in two minutes", ["", "now", "mean", "most"],
    classes.map((name, index) => [name, now(index), short(mean(series[index].values)), short(Math.max(0, ...series[index].values))]));
}

function latency() {
  const { classes } = seen.names;
  const tick = seen.ticks.at(-1);
  const rows = classes.map((_, index) => tick?.latency[index]?.map((micros) => micros / 1000) ?? null);
  const found = rows.filter(Boolean).flat();
  const low = Math.floor(Math.log10(Math.min(1, ...found))), high = Math.ceil(Math.log10(Math.max(10_000, ...found)) - 1e-9);
  const element = find("chart-latency");
  const at = frame(element, 0, 1);
  const left = 12, tall = (at.bottom - at.top) / rows.length;
  const x = (ms) => left + (clip(Math.log10(ms), low, high) - low) / (high - low) * (at.right - left - 8);
  const parts = [];
  for (let power = low; power <= high; power += 1) {
    const ms = 10 ** power, kind = power === low ? "" : power === high ? "end" : "mid";
    const note = label(kind, x(ms) + (power === low ? -left : power === high ? 20 : 0), at.bottom + 18, ms < 1000 ? `${ms} ms` : `${ms / 1000} s`);
    parts.push(line("grid", x(ms), at.top, x(ms), at.bottom), note);
  }
  rows.forEach((row, index) => {
    const kind = classes[index], middle = at.top + (index + 0.72) * tall;
    const said = row ? row.map(span).join(" · ") : "no answers";
    parts.push(label("strong value", 0, middle - 16, kind), label("end value", at.width, middle - 16, said));
    if (!row) return;
    const [p50, p90, p99] = row.map(x);
    parts.push(`<line class="span ${kind}" x1="${px(p50)}" y1="${px(middle)}" x2="${px(p99)}" y2="${px(middle)}"/>`,
      `<circle class="f ${kind}" cx="${px(p50)}" cy="${px(middle)}" r="6"/>`,
      `<circle class="hollow ${kind}" cx="${px(p90)}" cy="${px(middle)}" r="5"/>`,
      rect(`f ${kind}`, p99 - 2, middle - 9, 4, 18, 1));
  });
  draw(element, at, parts);
  legend(find("legend-latency"), [
    { sign: '<circle class="f quiet" cx="7" cy="6" r="5"/>', name: "half within", value: "p50" },
    { sign: '<circle class="hollow quiet" cx="7" cy="6" r="4.5"/>', name: "nine in ten", value: "p90" },
    { sign: '<rect class="f quiet" x="5" width="4" height="12" rx="1"/>', name: "99 in 100", value: "p99" },
  ]);
  const said = classes.map((name, index) => rows[index] ? `${name} ${rows[index].map(span).join(", ")}` : `${name} no answers`);
  element.setAttribute("aria-label", `Latency at the 50th, 90th and 99th percentile: ${said.join("; ")}.`);
  table(find("table-latency"), "Latency of the last ten seconds' answers", ["", "p50", "p90", "p99", "all answers"],
    classes.map((name, index) => [name, ...(rows[index] ?? [null, null, null]).map(span), seen.totals.answered[index]]));
}

function cache(when) {
  const series = BY_COST.map((index) => ({ kind: OUTCOMES[index], values: rates("cached", index) }));
  const most = Math.max(1, ...when.map((_, i) => sum(series.map(({ values }) => values[i]))));
  const size = step(most, 4), high = Math.ceil(most / size) * size;
  const element = find("chart-cache");
  const at = frame(element, 0, high);
  draw(element, at, [...levels(at, 0, high, size), ...stack(at, when, series), ...times(at), cross(at)]);
  const counts = OUTCOMES.map((_, index) => sum(seen.ticks.map((tick) => tick.cached[index])));
  const share = (index) => percent(counts[index], sum(counts));
  legend(find("legend-cache"), BY_COST.map((index) => ({ sign: square(OUTCOMES[index]), name: OUTCOMES[index], value: share(index) })));
  element.setAttribute("aria-label", `Cache look-ups in two minutes: ${BY_COST.map((index) => `${OUTCOMES[index]} ${share(index)}`).join(", ")}.`);
  const tick = moment();
  table(find("table-cache"), "Cache look-ups", ["", "per s", "share of 2 min", "since the start"],
    BY_COST.map((index) => [OUTCOMES[index], tick ? short(rate(tick, tick.cached[index])) : "–", share(index), seen.totals.cached[index]]));
}

function batches() {
  const { bins } = seen.names;
  const counts = bins.map((_, index) => sum(seen.ticks.map((tick) => tick.batches[index])));
  const most = Math.max(4, ...counts);
  const size = Math.max(1, step(most, 4)), high = Math.ceil(most / size) * size;
  const element = find("chart-batches");
  const at = frame(element, 0, high);
  const wide = (at.right - at.left) / bins.length;
  const name = (index) => index === bins.length - 1 ? `${bins[index]}+` : bins[index] === 1 ? "1" : `${bins[index]}–${bins[index + 1] - 1}`;
  const parts = levels(at, 0, high, size);
  counts.forEach((count, index) => {
    const x = at.left + index * wide, y = at.y(count);
    parts.push(rect("f bar", x + wide * 0.12, y, wide * 0.76, at.bottom - y, 2));
    if (wide > 36 || index % 2 === 0) parts.push(label("mid", x + wide / 2, at.bottom + 18, index === bins.length - 1 && wide > 36 ? `${bins[index]}+` : short(bins[index])));
  });
  draw(element, at, parts);
  const rows = sum(seen.ticks.map((tick) => tick.rows)), all = sum(counts);
  legend(find("legend-batches"), [{ sign: square("bar"), name: "batches", value: short(all) }, { name: "rows each, on average", value: all ? short(rows / all) : "–" }]);
  element.setAttribute("aria-label", `Batches in two minutes: ${all}, of ${all ? short(rows / all) : "no"} rows on average.`);
  table(find("table-batches"), `Since the start: ${seen.totals.batches} batches of ${seen.totals.rows} rows`, ["rows", "batches in 2 min"],
    bins.map((_, index) => [name(index), counts[index]]));
}
