import { alien, at, duration, eventLink, h, number, svg, visible } from "./dom.js";
import { chipClass, events, maxRows, model, words } from "./model.js";

const filter = { type: "", key: "", state: "", text: "" };
let held; // the events as they were when the stream was paused

// rowsAtOnce are drawn, and as many more each time that somebody scrolls to their end: each row that is drawn is laid out
// and painted anew whenever one comes above it.
const rowsAtOnce = 60;

export function eventsView() {
  const flow = flowCard();
  const body = h("tbody");
  const empty = h("p", { class: "empty" }, "No events yet. ", h("a", { href: "#/send" }, "Send one"), " and it appears here.");
  const note = h("p", { class: "note" });
  const pause = h("button", { type: "button", "aria-pressed": String(Boolean(held)), onclick: () => {
    held = held ? undefined : [...events.values()].map((e) => ({ ...e }));
    pause.setAttribute("aria-pressed", String(Boolean(held)));
    pause.textContent = held ? "Resume" : "Pause";
    draw();
  } }, held ? "Resume" : "Pause");
  const input = (name, label, props = {}) => h("label", null, label, h("input", { type: "search", value: filter[name],
    autocomplete: "off", spellcheck: "false", oninput: (e) => { filter[name] = e.target.value; draw(true); }, ...props }));
  const states = ["", "accepted", "attempting", "retrying", "unfinished", "processed", "copy dropped", "dead-lettered", "refused", "replayed"];
  const select = h("select", { onchange: (e) => { filter.state = e.target.value; draw(true); } },
    states.map((s) => h("option", { value: s }, s || "any")));
  select.value = filter.state;
  const rows = new Map();
  let most = rowsAtOnce, isNearEnd = false;

  function draw(isForced) {
    if (held && !isForced) return;
    const now = Date.now();
    const found = (held ?? [...events.values()]).toReversed().filter(matches);
    if (isNearEnd && found.length > most) most += rowsAtOnce;
    else if (!isNearEnd && scrollY === 0) most = rowsAtOnce;
    const wanted = found.slice(0, most);
    const keep = new Set(wanted.map((e) => e.key));
    for (const [key, row] of rows) if (!keep.has(key)) { row.element.remove(); rows.delete(key); }
    let before = body.firstChild;
    const told = toldLately(), isSampled = told.of > told.shown;
    for (const e of wanted) {
      let row = rows.get(e.key);
      if (!row) { row = newRow(e, !isSampled); rows.set(e.key, row); }
      row.update(e, now);
      if (row.element === before) before = before.nextSibling;
      else body.insertBefore(row.element, before);
    }
    empty.hidden = wanted.length > 0;
    if (events.size > 0 && wanted.length === 0) empty.textContent = "No recent event matches the filter.";
    note.textContent = isSampled ? `Sampled: ${number(told.shown)} of ${number(told.of)} steps of the last 5 s are shown; failures come first.`
      : `The page keeps the newest ${maxRows} events.`;
  }
  const countdown = setInterval(() => {
    if (held) return;
    const now = Date.now();
    for (const e of events.values()) if (e.state === "retrying") rows.get(e.key)?.update(e, now);
  }, 200);
  const end = new IntersectionObserver((seen) => {
    isNearEnd = seen.at(-1).isIntersecting;
    if (!isNearEnd) return;
    const before = most;
    draw(true);
    if (most === before) return;
    end.unobserve(note); // to be told again, even if the end is still near
    end.observe(note);
  }, { rootMargin: "600px" });
  end.observe(note);
  draw(true);
  flow.update();
  return {
    draw, pipeline: flow.update, end() { clearInterval(countdown); end.disconnect(); },
    element: [
      h("h1", { class: "unseen" }, "Events"), flow.element,
      h("section", { class: "card", "aria-labelledby": "stream-title" },
        h("div", { class: "row between" }, h("h2", { id: "stream-title" }, "Events as they happen"), pause),
        h("div", { class: "row filters" }, input("type", "Type", { placeholder: "order.*" }), input("key", "Key"),
          h("label", null, "State", select), input("text", "Text", { placeholder: "id, source, error" })),
        h("table", { class: "table stream stack" },
          h("thead", null, h("tr", null, ["Time", "State", "Type", "Id", "Key", "Place"].map((t) => h("th", { scope: "col" }, t)))),
          body),
        empty, note),
    ],
  };
}

function toldLately() {
  const sum = { shown: 0, of: 0 };
  for (const r of model.recent ?? []) { sum.shown += r.shown; sum.of += r.of; }
  return sum;
}

function matches(e) {
  const has = (text, part) => String(text ?? "").toLowerCase().includes(part.toLowerCase());
  const type = filter.type.endsWith("*") ? (e.type ?? "").startsWith(filter.type.slice(0, -1)) : has(e.type, filter.type);
  return type && (!filter.key || has(e.lane, filter.key)) && (!filter.state || e.state === filter.state) &&
    (!filter.text || [e.id, e.source, e.error, e.type].some((t) => has(t, filter.text)));
}

// newRow marks a row that arrives, unless so many come that only a sample is shown: the browser would draw the table sixty
// times a second for the marks alone.
function newRow(e, isMarked) {
  const chip = h("span"), why = h("span", { class: "why" });
  const id = h("td", { class: "mono", "data-wide": true });
  const type = h("td"), key = h("td"), where = h("td", { class: "soft tight" });
  const element = h("tr", { class: isMarked ? "new" : undefined }, h("td", { class: "time tight" }, at(e.first)), h("td", { class: "state" }, chip, why), type, id, key, where);
  let drawn = "", linked = "";
  return {
    element,
    update(e, now) {
      const text = words(e, now);
      if (text + e.error !== drawn) {
        drawn = text + e.error;
        chip.textContent = text;
        chip.className = chipClass(e.state);
        why.textContent = visible(e.error ?? "");
        why.title = visible(e.error ?? "");
      }
      const link = eventLink(e.place) ?? "none";
      if (link === linked) return;
      linked = link;
      const name = visible(e.type || "not an event");
      type.replaceChildren(alien(e.type || "not read as an event"));
      id.replaceChildren(e.place ? h("a", { href: link, title: visible(e.id), "aria-label": `${name} ${visible(e.id)}` }, alien(e.id)) : alien(e.id ?? ""));
      key.replaceChildren(e.lane ? alien(e.lane) : "");
      where.textContent = e.place ? `${e.place.partition} / ${e.place.offset}` : "";
    },
  };
}

function flowCard() {
  const cell = (title, what) => {
    const figure = h("div", { class: "figure" }, "–"), sub = h("div", { class: "sub" }), more = h("div");
    return { figure, sub, more, element: h("div", { class: what }, h("dt", null, title), h("dd", null, figure, sub, more)) };
  };
  const accepted = cell("Accepted"), waiting = cell("Waiting"), work = cell("In work"), done = cell("Done"), dead = cell("Dead letters", "bad");
  const problem = h("p", { class: "problem", hidden: true });
  return {
    element: h("section", { "aria-label": "Pipeline" }, h("dl", { class: "card flow" },
      [accepted, waiting, work, done, dead].map((c) => c.element)), problem),
    update() {
      const p = model.pipeline;
      if (!p) return;
      problem.hidden = !p.problem;
      problem.textContent = p.problem ? `The brokers do not answer: ${visible(p.problem)}` : "";
      const rates = p.rates ?? [], last = rates.at(-1) ?? { accepted: 0, done: 0, dead: 0 };
      const rate = (n) => `${n >= 10 ? number(Math.round(n)) : n.toFixed(1)} a second`;
      accepted.figure.textContent = number(p.accepted);
      accepted.sub.textContent = rate(last.accepted);
      accepted.more.replaceChildren(spark(rates.map((r) => r.accepted), "accepted"));
      waiting.figure.textContent = number(p.waiting);
      waiting.sub.textContent = p.oldest_ms ? `the oldest for ${duration(p.oldest_ms)}` : "in partitions";
      waiting.more.replaceChildren(lanes(p.partitions ?? []));
      work.figure.textContent = number(p.in_work);
      work.sub.textContent = "handlers running";
      done.figure.textContent = number(p.done);
      done.sub.textContent = rate(last.done);
      done.more.replaceChildren(spark(rates.map((r) => r.done), "done"));
      dead.figure.textContent = number(p.dead);
      dead.figure.className = rates.some((r) => r.dead > 0) ? "figure bad" : "figure"; // of the last two minutes
      if (p.dead && !dead.sub.firstElementChild) dead.sub.replaceChildren("in their topic, ", h("a", { href: "#/letters" }, "look"));
      else if (!p.dead) dead.sub.textContent = "none";
      dead.more.replaceChildren(spark(rates.map((r) => r.dead), "dead-lettered"));
    },
  };
}

// lanes shows how much waits in each partition, the fullest eight of them.
function lanes(partitions) {
  const waiting = partitions.map((p) => ({ p: p.partition, n: p.committed < 0 ? p.end - p.first : Math.max(0, p.end - Math.max(p.committed, p.first)) }));
  const most = Math.max(1, ...waiting.map((w) => w.n));
  const fullest = waiting.toSorted((a, b) => b.n - a.n).slice(0, 8).toSorted((a, b) => a.p - b.p);
  return h("div", { class: "lanes" }, fullest.map((w) => h("div", null, h("span", null, `p${w.p}`),
    h("meter", { min: 0, max: most, value: w.n, "aria-label": `waiting in partition ${w.p}` }), h("span", null, number(w.n)))));
}

function spark(values, what) {
  const most = Math.max(1, ...values), width = 120, height = 26;
  const points = values.map((v, i) => `${(width - values.length + i + 1).toFixed(1)},${(height - 2 - (v / most) * (height - 5)).toFixed(1)}`);
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${what} a second in the last two minutes, ${Math.round(most)} at most` },
  svg("polyline", { points: points.join(" "), fill: "none", stroke: "currentColor", "stroke-width": "1.5", "vector-effect": "non-scaling-stroke" }));
}
