// The estimates of this session, newest first. They are kept in this tab only, and forgotten on logging out.

import { summarize } from "./form.js";
import { words } from "./language.js";
import { isSevere, labelOf } from "./result.js";

const KEY = "recent";
const KEPT = 12;

const section = document.querySelector("#recent");
let resume = () => {};

export function onResume(action) {
  resume = action;
}

export function remember(answer, values) {
  const entry = { at: Date.now(), answer, values };
  sessionStorage.setItem(KEY, JSON.stringify([entry, ...read()].slice(0, KEPT)));
  drawRecent();
}

export function forgetRecent() {
  sessionStorage.removeItem(KEY);
  drawRecent();
}

export function drawRecent() {
  const entries = read();
  section.hidden = entries.length === 0;
  section.querySelector("ol").replaceChildren(...entries.map(makeItem));
}

function read() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
}

function makeItem(entry) {
  const { at, answer, values } = entry;
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = new Date(at).toISOString();
  time.textContent = new Date(at).toLocaleTimeString(words().locale, { hour: "2-digit", minute: "2-digit" });
  const outcome = document.createElement("strong");
  outcome.textContent = `${labelOf(answer)}, ${answer.probability.toLocaleString(words().locale, { style: "percent" })}`;
  outcome.className = isSevere(answer) ? "severe" : "";
  const summary = document.createElement("p");
  summary.className = "hint";
  summary.textContent = summarize(values);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = words().resume;
  button.setAttribute("aria-label", `${words().resume} ${time.textContent} ${summary.textContent}`);
  button.addEventListener("click", () => resume(values));
  item.append(time, outcome, button, summary);
  return item;
}
