// The form: reading and filling it, describing its values in words, and marking its errors.

import { language, words } from "./language.js";

const form = document.querySelector("#scene");
const more = document.querySelector("#more");
const OPTIONAL = [...more.querySelectorAll("select, input")];
const FIELDS = [...form.querySelectorAll("select, input")];

export function focusFirst() {
  FIELDS[0].focus();
}

export function readValues() {
  return Object.fromEntries(FIELDS.map((field) => [field.name, field.value]));
}

export function writeValues(values) {
  clearProblems();
  for (const field of FIELDS) field.value = values[field.name] ?? "";
  more.open ||= OPTIONAL.some((field) => field.value !== "");
}

// Features are null where unknown; an optional field is left out.
export function readScene() {
  const given = FIELDS.filter((field) => field.value !== "" || !OPTIONAL.includes(field));
  return Object.fromEntries(given.map((field) => [field.name, field.value === "" ? null : Number(field.value)]));
}

// What differs from the preselected case, for a list of estimates: "Passager · Âge de l'usager : 34 ans".
export function summarize(values) {
  const changed = FIELDS.filter((field) => (values[field.name] ?? "") !== usualValue(field) && values[field.name]);
  return changed.map((field) => describe(field, values[field.name])).join(" · ") || words().usual;
}

// A choice in its own words; a quantity with its label and its unit.
function describe(field, value) {
  if (field.options) return [...field.options].find((option) => option.value === value)?.textContent ?? value;
  const unit = language() === "fr" ? field.dataset.unitFr : field.dataset.unitEn;
  return words().fieldIs(field.labels[0].textContent, unit ? `${value} ${unit}` : value);
}

// Fields that cannot be sent, each with a function that says why: { field, say }.
export function findWrong() {
  const wrong = FIELDS.filter((field) => !field.validity.valid);
  return wrong.map((field) => {
    const range = document.getElementById(`${field.name}-range`);
    return { field, say: () => words().beyond(range.textContent) };
  });
}

// The same for fields that the service refused.
export function readRefused(errors) {
  const ours = errors.filter(({ field }) => form.elements[field]);
  return ours.map(({ field, allowed }) => ({ field: form.elements[field], say: () => sayAllowed(field, allowed ?? []) }));
}

// The service gives its reason in English only, but the allowed codes in both languages.
function sayAllowed(name, allowed) {
  const range = document.getElementById(`${name}-range`);
  if (range) return words().beyond(range.textContent);
  return words().refusedField(allowed.map((each) => `${each.code} = ${each[language()]}`).join(", "));
}

export function mark(wrong) {
  clearProblems();
  for (const { field, say } of wrong) {
    field.setAttribute("aria-invalid", "true");
    Object.assign(document.getElementById(`${field.name}-error`), { say, textContent: say(), hidden: false });
  }
  if (wrong.some(({ field }) => OPTIONAL.includes(field))) more.open = true; // a folded field cannot be focused
  wrong[0].field.focus();
  wrong[0].field.parentElement.scrollIntoView({ block: "center" }); // what has the focus already is not scrolled to
}

export function clearProblems() {
  for (const field of FIELDS) {
    field.removeAttribute("aria-invalid");
    document.getElementById(`${field.name}-error`).hidden = true;
  }
}

export function redrawProblems() {
  for (const field of FIELDS) {
    const text = document.getElementById(`${field.name}-error`);
    if (!text.hidden) text.textContent = text.say();
  }
}

function usualValue(field) {
  if (!field.options) return field.defaultValue;
  return [...field.options].find((option) => option.defaultSelected)?.value ?? "";
}
