// The estimate: a sentence, a bar, and the reasons if the service gives any.

import { describe } from "./form.js";
import { language, words } from "./language.js";

const SHOWN_REASONS = 6;

const result = document.querySelector("#result");
const sentence = document.querySelector("#sentence");
const problem = document.querySelector("#problem");
const answerPart = document.querySelector("#answer");
const fill = document.querySelector("#fill");
const reasonsPart = document.querySelector("#reasons");

let current = null; // { answer, values } of the estimate that is shown
let stale = false;
let hint = null;

export function showEstimate(answer, values) {
  current = { answer, values };
  stale = false;
  showProblem(null);
  draw();
  result.scrollIntoView({ block: "nearest" }); // on a phone it stands below the form
}

// A word of the page itself in the place of an estimate.
export function showHint(say) {
  current = null;
  hint = say;
  showProblem(null);
  draw();
}

export function showProblem(say) {
  problem.say = say;
  problem.hidden = !say;
  problem.textContent = say ? say() : "";
  sentence.hidden = Boolean(say) && !current;
  if (say) result.scrollIntoView({ block: "nearest" });
}

export function markStale() {
  if (!current || stale) return;
  stale = true;
  draw();
}

// In the language shown; called again when it changes.
export function draw() {
  if (!problem.hidden) problem.textContent = problem.say();
  answerPart.hidden = !current;
  result.classList.toggle("stale", Boolean(current) && stale);
  if (!current) {
    if (hint) sentence.replaceChildren(paragraph(hint()));
    return;
  }
  const { answer, values } = current;
  result.classList.toggle("severe", isSevere(answer));
  const lines = [paragraph(words().verdict(labelOf(answer)), "verdict"), paragraph(chanceSentence(answer))];
  if (stale) lines.push(paragraph(words().stale, "note"));
  sentence.replaceChildren(...lines);
  fill.style.width = `${100 * answer.probability}%`;
  document.querySelector("#origin").textContent = words().origin(answer.model_version, dataWords(answer.data));
  drawReasons(readReasons(answer), values);
}

export function isSevere(answer) {
  return answer.prediction[0] === 1;
}

export function labelOf(answer) {
  return language() === "fr" ? answer.label_fr : answer.label;
}

export function chances(probability) {
  const share = Math.round(100 * probability);
  if (share < 1) return words().few;
  if (share > 99) return words().nearlyAll;
  return share === 1 ? words().one : words().many(share);
}

// Contributions to the estimate, the weightiest first, as the service lists them; none if it cannot explain.
export function readReasons(answer) {
  const given = answer.explanation?.contributions ?? [];
  return given
    .filter(({ field, contribution }) => document.getElementById(field) && contribution)
    .slice(0, SHOWN_REASONS);
}

function drawReasons(reasons, values) {
  reasonsPart.hidden = reasons.length === 0;
  const largest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)));
  const items = reasons.map(({ field, contribution }) => {
    const item = document.createElement("li");
    const { label, value } = describe(field, values[field] || null);
    const bar = document.createElement("div");
    bar.className = contribution > 0 ? "weight raises" : "weight lowers";
    bar.style.width = `${(100 * Math.abs(contribution)) / largest}%`;
    const text = words().fieldIs(label, value);
    item.append(paragraph(text), paragraph(contribution > 0 ? words().raises : words().lowers, "hint"), bar);
    return item;
  });
  reasonsPart.querySelector("ul").replaceChildren(...items);
}

function chanceSentence(answer) {
  const severe = language() === "fr" ? result.dataset.severeFr : result.dataset.severeEn;
  return words().chances(chances(answer.probability), severe);
}

function dataWords(data) {
  const known = [...document.querySelectorAll("#data-words li")].find((item) => item.dataset.en === data);
  return known ? known.textContent : data;
}

function paragraph(text, kind = "") {
  const element = document.createElement("p");
  element.textContent = text;
  element.className = kind;
  return element;
}
