// Which language is shown. Every text of the page carries both, as data-fr and data-en.

import { WORDS } from "./words.js";

const KEY = "language";
const listeners = [];

export function language() {
  return document.documentElement.lang;
}

export function words() {
  return WORDS[language()];
}

export function onLanguage(listener) {
  listeners.push(listener);
}

export function switchLanguage() {
  show(language() === "fr" ? "en" : "fr");
}

export function restoreLanguage() {
  show(localStorage.getItem(KEY) === "en" ? "en" : "fr");
}

function show(chosen) {
  localStorage.setItem(KEY, chosen);
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-fr]")) {
    element.textContent = element.dataset[chosen];
  }
  document.querySelector("#language").lang = chosen === "fr" ? "en" : "fr"; // it names the other one
  listeners.forEach((listener) => listener());
}
