// The estimate: a sentence, a bar, and the reasons if the service gives any.

import { language, words } from "./language.js";

const SHOWN_REASONS = 6;

const result = document.querySelector("#result");
const sentence = document.querySelector("#sentence");
const problem = document.querySelector("#problem");
const answerPart = document.querySelector("#answer");
const fill = document.querySelector("#fill");
const reasonsPart = document.querySelector("#reasons");

let current = null; // the answer that is shown
let stale = false;
let hint = null;

export function showEstimate(answer) {
  current = answer;
  stale = false;
  showProblem(null);
  draw();
  result.scrollIntoView({ block: "nearest" }); // on a phone it stands below the form
}

// A message of the page itself, in place of an estimate.
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
  result.classList.toggle("severe", isSevere(current));
  const lines = [paragraph(words().verdict(labelOf(current)), "verdict"), paragraph(chanceSentence(current))];
  if (stale) lines.push(paragraph(words().stale, "note"));
  sentence.replaceChildren(...lines);
  fill.style.width = `${100 * current.probability}%`;
  document.querySelector("#origin").textContent = words().origin(current.model_version, dataWords(current.data));
  drawReasons(readReasons(current));
}

export function isSevere(answer) {
  return answer.prediction[0] === 1;
}

export function labelOf(answer) {
  return language() === "fr" ? answer.label_fr : answer.label;
}

function chances(probability) {
  const share = Math.round(100 * probability);
  if (share < 1) return words().few;
  if (share > 99) return words().nearlyAll;
  return share === 1 ? words().one : words().many(share);
}

// The largest contributions to the estimate, in the order of the service; none if its model cannot explain.
function readReasons(answer) {
  const given = answer.explanation?.contributions ?? [];
  return given.filter(({ contribution }) => contribution).slice(0, SHOWN_REASONS);
}

// Field and value in words: the service names both with the explanation, units and "unknown" included.
function nameReason(reason) {
  const french = language() === "fr";
  return words().fieldIs(french ? reason.label_fr : reason.label, french ? reason.value_label_fr : reason.value_label);
}

function drawReasons(reasons) {
  reasonsPart.hidden = reasons.length === 0;
  const largest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)));
  const items = reasons.map((reason) => {
    const { contribution } = reason;
    const item = document.createElement("li");
    const bar = document.createElement("div");
    bar.className = contribution > 0 ? "weight raises" : "weight lowers";
    bar.style.width = `${(100 * Math.abs(contribution)) / largest}%`;
    item.append(paragraph(nameReason(reason)), paragraph(contribution > 0 ? words().raises : words().lowers, "hint"), bar);
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
