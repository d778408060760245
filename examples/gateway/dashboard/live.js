// Live: the connection to the server, and the page's few controls.

/** When nothing has come for so long, the connection is taken to be lost. */
const SILENCE = 5_000;
const page = { source: null, silence: 0, retry: 0, wait: 1_000, paused: false };

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
  if (news.names) Object.assign(seen, { names: news.names, ticks: [] });
  const { now, lockouts, totals } = news;
  const ticks = seen.ticks.concat(news.ticks).filter((tick) => now - tick.at <= KEPT);
  if (looked.at !== null) looked.at = Math.max(0, looked.at - (seen.ticks.length + news.ticks.length - ticks.length));
  Object.assign(seen, { now, lockouts, totals, ticks });
  state("live", page.paused ? "paused" : "live");
  if (!page.paused) requestAnimationFrame(show);
}

find("pause").onclick = () => {
  page.paused = !page.paused;
  find("pause").setAttribute("aria-pressed", String(page.paused));
  state("live", page.paused ? "paused" : "live");
  if (!page.paused) show();
};

/** Looks at another moment, by pointer or by arrow keys. */
for (const id of ["chart-requests", "chart-waiting", "chart-cache"]) {
  const element = find(id);
  const look = (at) => { looked.at = at; show(); };
  element.onpointermove = ({ clientX }) => {
    const { left, width } = element.getBoundingClientRect();
    const ago = (1 - (clientX - left - EDGE.left) / (width - EDGE.left - EDGE.right)) * shown;
    const far = seen.ticks.map((tick) => Math.abs(seen.now - tick.at - ago));
    look(far.length ? far.indexOf(Math.min(...far)) : null);
  };
  element.onpointerleave = element.onblur = () => look(null);
  element.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    const last = seen.ticks.length - 1;
    if (by) look(clip((looked.at ?? last) + by, 0, last));
    else if (event.key === "Escape" || event.key === "End") look(null);
    else return;
    event.preventDefault();
  };
}

new ResizeObserver(() => requestAnimationFrame(show)).observe(document.body);
connect();
