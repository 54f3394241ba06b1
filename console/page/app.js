import { about, begin, listen } from "./api.js";
import { h, say } from "./dom.js";
import { model, take } from "./model.js";
import { eventsView } from "./events.js";
import { eventView } from "./event.js";
import { lettersView } from "./letters.js";
import { sendView } from "./send.js";
import { systemView } from "./system.js";

const main = document.getElementById("main");
const views = { events: eventsView, event: eventView, letters: lettersView, send: sendView, system: systemView };
const titles = { events: "Events", event: "Event", letters: "Dead letters", send: "Send", system: "System" };
let view;

function route(isFirst) {
  if (!location.hash.startsWith("#/") && location.hash !== "") return; // a jump within the page
  const [name = "events", ...rest] = location.hash.replace(/^#\//, "").split("/").filter(Boolean);
  const found = views[name] ? name : "events";
  view?.end?.();
  document.title = `${titles[found]} – console`;
  for (const a of document.querySelectorAll("nav a")) {
    const isCurrent = a.getAttribute("href") === `#/${found === "event" ? "events" : found}`;
    if (isCurrent) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
  view = views[found](...rest.map(decode));
  main.replaceChildren(...[view.element].flat());
  if (!isFirst) { main.focus({ preventScroll: true }); window.scrollTo(0, 0); say(titles[found]); }
}

const decode = (text) => { try { return decodeURIComponent(text); } catch { return text; } };

// Drawing waits for the next frame, however much comes before it.
let isDue = false;
function draw(what) {
  if (what === "pipeline") view?.pipeline?.();
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; view?.draw?.(); });
}

const refused = await begin().catch((e) => e);
window.addEventListener("hashchange", () => route(false));
route(true);
if (refused) main.prepend(h("p", { class: "problem", role: "alert" }, refused.message));

listen({
  begin() { model.shown = 0; model.of = 0; },
  steps({ steps, of }) {
    for (const s of steps) take(s);
    model.shown = steps.length; model.of = of;
    model.recent = [...(model.recent ?? []), { shown: steps.length, of, at: Date.now() }].filter((r) => r.at > Date.now() - 5000);
    model.version++;
    draw("steps");
  },
  pipeline(p) {
    model.pipeline = p;
    draw("pipeline");
  },
}, (css, text) => {
  const live = document.getElementById("live");
  live.className = `live ${css}`;
  live.textContent = about.csrf || css !== "on" ? text : `${text}, reading only`;
});
