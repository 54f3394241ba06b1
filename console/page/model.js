// What the page knows: events by identity, the newest last, and how the pipeline is.

import { about } from "./api.js";
import { duration } from "./dom.js";

export const maxRows = 300;
export const events = new Map();
export const model = { pipeline: undefined, shown: 0, of: 0, version: 0 };

const ends = new Set(["processed", "copy dropped", "dead-lettered", "refused"]);

// take adds a step to its event, and tells which event that is.
export function take(step) {
  const key = step.id === "" ? `#${step.seq}` : `${step.source}\u0000${step.id}`;
  let e = events.get(key);
  const isNew = !e || (e.ended && step.state === "accepted");
  if (isNew) {
    events.delete(key);
    e = { key, first: step.at, attempts: 0 };
    events.set(key, e);
    if (events.size > maxRows) events.delete(events.keys().next().value);
  }
  const hasOvertaken = step.state === "accepted" && !isNew; // the processor was quicker than the answer
  for (const name of ["type", "id", "source", "key", "place"]) if (step[name]) e[name === "key" ? "lane" : name] ||= step[name];
  if (hasOvertaken) return e;
  if (step.state !== "retrying" || step.error) e.error = step.error ?? "";
  if (ends.has(step.state) && step.state !== "refused" && step.state !== "dead-lettered") e.error = "";
  e.state = step.state;
  e.attempts = step.attempt ?? e.attempts;
  e.at = step.at;
  e.next = step.next_ms ? Date.parse(step.at) + step.next_ms : undefined;
  e.ended = ends.has(step.state);
  return e;
}

const css = { processed: "ok", "copy dropped": "ok", "dead-lettered": "bad", refused: "bad", retrying: "wait", unfinished: "wait",
  attempting: "busy", replayed: "busy" };
export const chipClass = (state) => `chip ${css[state] ?? ""}`.trim();

// words says a state as people do.
export function words(e, now = Date.now()) {
  const of = `of ${Math.max(about.max_attempts, e.attempts ?? 0)}`;
  switch (e.state) {
    case "attempting": return `attempt ${e.attempts} ${of}`;
    case "retrying": {
      const left = (e.next ?? 0) - now;
      return `attempt ${e.attempts} ${of} failed${left > 0 ? `, next in ${duration(left)}` : ""}`;
    }
    case "processed": return e.attempts > 1 ? `processed, attempt ${e.attempts}` : "processed";
    case "dead-lettered": return e.attempts > 1 ? `dead-lettered after ${e.attempts}` : "dead-lettered";
    default: return e.state;
  }
}
