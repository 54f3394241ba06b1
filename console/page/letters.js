import { about, ask } from "./api.js";
import { alien, at, eventLink, h, number, say, visible } from "./dom.js";
import { model } from "./model.js";

// lettersView groups the dead letters by reason, rehearses a replay, and replays.
export function lettersView() {
  const chosen = { type: "", error: "", key: "", reason: "" };
  let version = 0, dead = -1, isOver = false, wasRunning = false;
  const status = h("p", { class: "soft" }, "reading the dead letters");
  const groups = h("div"), list = h("div"), plan = h("div", { "aria-live": "polite" }), progress = h("div");
  const rate = h("input", { type: "number", min: "0", max: "10000", value: "0", inputmode: "numeric" });
  const field = (name, label, props) => h("label", null, label, h("input", { type: "search", autocomplete: "off", spellcheck: "false", ...props,
    oninput: (e) => { chosen[name] = e.target.value; soon(); } }));
  // Somebody who types is answered soon. When letters come or go by themselves the page looks again for a tenth of the time
  // at most: each look reads up to 20,000 letters, and asks the store for each of them.
  let timer, isAsked = false, rest = 0;
  const soon = () => { clearTimeout(timer); isAsked = true; timer = setTimeout(look, 250); };
  const sometime = () => {
    if (isAsked) return;
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(250, rest - performance.now()));
  };

  async function look() {
    const mine = ++version, begun = performance.now();
    isAsked = false;
    try {
      const d = await ask(`/api/letters?${new URLSearchParams(chosen)}`);
      const took = performance.now() - begun;
      rest = performance.now() + Math.max(1000, 9 * took);
      if (mine !== version || isOver) return;
      show(d);
    } catch (e) {
      status.replaceChildren(h("span", { class: "problem", role: "alert" }, visible(e.message)));
    }
  }

  function show(d) {
    status.textContent = `${number(d.open)} open${d.closed ? `, ${number(d.closed)} replayed and done` : ""}` +
      `${d.cut ? "; the page has not looked at all of them, eventctl dlq does" : ""}.`;
    groups.replaceChildren(d.groups.length ? h("table", { class: "table stack" },
      h("thead", null, h("tr", null, ["Reason", "Open", "Types", "Newest", ""].map((t) => h("th", { scope: "col" }, t || h("span", { class: "unseen" }, "Actions"))))),
      h("tbody", null, d.groups.map((g) => h("tr", null, h("td", { "data-wide": true }, alien(g.reason || "no reason given")),
        h("td", { "data-label": "Open" }, h("span", { class: "chip bad" }, number(g.open))), h("td", null, alien((g.types ?? []).join(", "))), h("td", { class: "tight", "data-label": "Newest" }, at(g.newest)),
        h("td", { class: "tight" }, h("button", { type: "button", onclick: () => rehearse({ ...chosen, reason: g.reason }),
          "aria-label": `Dry run of the group ${visible(g.reason)}` }, "Dry run")))))) : h("p", { class: "empty" }, "No open dead letters."));
    list.replaceChildren(d.letters.length ? h("table", { class: "table stack" },
      h("thead", null, h("tr", null, ["Failed", "State", "Type", "Id", "Error", ""].map((t) => h("th", { scope: "col" }, t || h("span", { class: "unseen" }, "Actions"))))),
      h("tbody", null, d.letters.map(letterRow))) : h("p", { class: "soft" }, "No letters."));
  }

  function letterRow(l) {
    const isOpen = l.stands === "open";
    return h("tr", null, h("td", { class: "tight" }, at(l.failed_at)),
      h("td", null, h("span", { class: `chip ${isOpen ? "bad" : "ok"}` }, isOpen && l.hops > 1 ? `open, failed ${l.hops} times` : l.stands)),
      h("td", null, alien(l.type || "not an event")), h("td", { "data-wide": true }, h("a", { href: eventLink(l.origin ?? l.place) }, alien(l.id))),
      h("td", { "data-wide": true }, alien(l.error)),
      h("td", { class: "tight" }, isOpen ? h("button", { type: "button", "aria-label": `Dry run of ${visible(l.id)}`,
        onclick: () => rehearse({ partition: l.place.partition, offset: l.place.offset, max_hops: 1000 }) }, "Dry run") : ""));
  }

  async function rehearse(order) {
    plan.replaceChildren(h("p", { class: "soft" }, "looking"));
    try {
      const d = await ask("/api/rehearse", order);
      const go = h("button", { type: "button", class: "main", disabled: d.would_replay === 0 || !about.csrf, onclick: () => replay(order) },
        `Replay ${number(d.would_replay)}`);
      plan.replaceChildren(h("section", { class: "card", "aria-labelledby": "plan-title" }, h("h2", { id: "plan-title", tabindex: "-1" }, "Dry run"),
        h("p", null, `${number(d.would_replay)} would be replayed, ${number(d.refused)} left alone. Nothing was done yet.`),
        (d.why ?? []).map((w) => h("p", { class: "note" }, alien(w))),
        d.letters.slice(0, 5).map((l) => h("p", { class: "note" }, alien(`${l.type || "not an event"} ${l.id}`))),
        d.would_replay > 5 ? h("p", { class: "note" }, `and ${number(d.would_replay - 5)} more`) : "",
        h("div", { class: "row end" }, h("label", null, "Letters a second (0: no limit)", rate), go,
          h("button", { type: "button", onclick: () => plan.replaceChildren() }, "Cancel")),
        about.csrf ? "" : h("p", { class: "note" }, "This page only reads. To replay, open the link that the console printed when it started.")));
      document.getElementById("plan-title").focus();
    } catch (e) {
      plan.replaceChildren(h("p", { class: "problem", role: "alert" }, visible(e.message)));
    }
  }

  async function replay(order) {
    try {
      const s = await ask("/api/replay", { ...order, rate: Number(rate.value) || 0 });
      plan.replaceChildren();
      wasRunning = true;
      say(`replaying ${s.total}`);
      draw(s);
    } catch (e) {
      plan.append(h("p", { class: "problem", role: "alert" }, visible(e.message)));
    }
  }

  function draw(r) {
    if (!r) return;
    const done = r.replayed + r.refused, total = Math.max(r.total, 1);
    progress.replaceChildren(h("section", { class: "card", "aria-label": "Replay" },
      h("div", { class: "row between" }, h("p", { role: "status" }, r.running ? "Replaying: " : r.problem ? `Replay ${r.problem}: ` : "Replay done: ",
        `${number(r.replayed)} of ${number(r.total)} replayed`, r.refused ? `, ${number(r.refused)} left alone` : ""),
      r.running && about.csrf ? h("button", { type: "button", onclick: () => ask("/api/stop", {}).catch(() => {}) }, "Stop") : ""),
      h("progress", { max: total, value: Math.min(done, total), "aria-label": "replayed" }),
      (r.why ?? []).map((w) => h("p", { class: "note" }, alien(w)))));
  }

  look();
  return {
    element: [h("div", { class: "row between" }, h("h1", null, "Dead letters"),
      h("button", { type: "button", onclick: () => rehearse({ ...chosen }) }, "Dry run of all that is shown")),
    h("div", { class: "row filters" }, field("type", "Type", { placeholder: "order.*" }), field("error", "Error contains"), field("key", "Key")),
    status, progress, plan,
    h("section", { class: "card" }, h("h2", null, "By reason"), groups),
    h("section", { class: "card" }, h("h2", null, "Letters, the newest first"), list)],
    end() { isOver = true; clearTimeout(timer); },
    draw() {},
    pipeline() {
      const p = model.pipeline;
      if (!p) return;
      if (p.replay && (p.replay.running || wasRunning)) draw(p.replay);
      const hasEnded = wasRunning && !p.replay?.running;
      if (p.replay?.running) wasRunning = true;
      if (p.dead !== dead || hasEnded || p.replay?.running) {
        if (dead !== -1) sometime();
        dead = p.dead;
      }
      if (hasEnded) { wasRunning = false; for (const ms of [1000, 3000]) setTimeout(() => { if (!isOver) look(); }, ms); }
    },
  };
}

