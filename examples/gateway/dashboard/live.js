// Live: the connection to the server, and the page's few controls.

/** When nothing has come for so long, the connection is taken to be lost. */
const SILENCE = 5_000;
const page = { source: null, silence: 0, retry: 0, wait: 1_000, paused: false };
/** What has been heard, which is shown unless the page is paused. */
const heard = { ...seen };

function state(name, text) {
  if (find("state-text").textContent === text) return;
  find("state").dataset.state = document.body.dataset.state = name;
  find("state-text").textContent = text;
}

function connect() {
  page.source?.close();
  clearTimeout(page.retry);
  page.source = new EventSource("/events");
  page.source.onmessage = ({ data }) => hear(JSON.parse(data));
  page.source.onerror = lose;
  watch();
}

/** The server says nothing, or is gone: it may come back. */
function lose() {
  page.source.close();
  clearTimeout(page.silence);
  clearTimeout(page.retry);
  state("lost", "connection lost, trying again");
  page.retry = setTimeout(connect, page.wait);
  page.wait = Math.min(page.wait * 2, 10_000);
}

function watch() {
  clearTimeout(page.silence);
  page.silence = setTimeout(lose, SILENCE);
}

function hear(news) {
  watch();
  page.wait = 1_000;
  const { now, lockouts, totals } = news;
  // Names come first, and again when the connection has been lost; then the ticks are all there are.
  const before = news.names ? [] : heard.ticks;
  const ticks = before.concat(news.ticks).filter((tick) => now - tick.at < KEPT);
  Object.assign(heard, { names: news.names ?? heard.names, now, lockouts, totals, ticks });
  follow();
}

function follow() {
  state("live", page.paused ? "paused" : "live");
  if (page.paused) return;
  Object.assign(seen, heard);
  requestAnimationFrame(show);
}

find("pause").onclick = () => {
  page.paused = !page.paused;
  find("pause").setAttribute("aria-pressed", String(page.paused));
  if (find("state").dataset.state === "live") follow();
};

/** Looks at another moment, by pointer or by arrow keys. */
for (const id of ["chart-requests", "chart-waiting", "chart-cache"]) {
  const element = find(id);
  const look = (tick) => {
    looked.at = tick?.at ?? null;
    show();
  };
  element.onpointermove = ({ clientX }) => {
    const { left, width } = element.getBoundingClientRect();
    const ago = (1 - (clientX - left - EDGE.left) / (width - EDGE.left - EDGE.right)) * shown;
    // The first that does not end before.
    look(seen.ticks.find((tick) => seen.now - tick.at <= ago) ?? seen.ticks.at(-1));
  };
  element.onpointerleave = element.onblur = () => look(null);
  element.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by) look(seen.ticks[clip(seen.ticks.indexOf(moment()) + by, 0, seen.ticks.length - 1)]);
    else if (event.key === "Escape" || event.key === "End") look(null);
    else return;
    event.preventDefault();
  };
}

new ResizeObserver(() => requestAnimationFrame(show)).observe(document.body);
connect();
