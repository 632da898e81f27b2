// The page as a whole: which key and which button does what.

import * as form from "./form.js";
import { onLanguage, restoreLanguage, switchLanguage, words } from "./language.js";
import { openLogin, clearLogin, redrawLogin } from "./login.js";
import * as recent from "./recent.js";
import * as result from "./result.js";
import { ask, forget, user } from "./service.js";

const scene = document.querySelector("#scene");
const more = document.querySelector("#more");
let busy = false;

async function estimate() {
  if (busy) return;
  const wrong = form.findWrong();
  if (wrong.length) {
    refuse(wrong);
    return;
  }
  form.clearProblems();
  busy = true;
  scene.setAttribute("aria-busy", "true");
  try {
    await askAndShow();
  } finally {
    busy = false;
    scene.removeAttribute("aria-busy");
  }
}

async function askAndShow() {
  const values = form.readValues();
  const before = document.activeElement;
  try {
    const answer = await ask(form.readScene());
    result.showEstimate(answer);
    recent.remember(answer, values);
  } catch (error) {
    if (error.status === undefined) throw error; // a bug of this page belongs in the console
    if (error.status !== 401) {
      const wrong = form.readRefused(error.problem.errors ?? []);
      if (wrong.length) refuse(wrong);
      else result.showProblem(() => explain(error));
      return;
    }
    const name = user();
    forget();
    showUser();
    const said = name ? () => words().expired : () => words().needed;
    if (await logInNow(said, name)) {
      before?.focus();
      await askAndShow();
    } else {
      result.showProblem(() => words().needed);
    }
  }
}

// The first wrong field has the focus, and on a phone the screen, so it comes last.
function refuse(wrong) {
  result.showProblem(() => words().checkFields);
  form.mark(wrong);
}

async function logInNow(why, name) {
  const loggedIn = await openLogin(why, name);
  showUser();
  return loggedIn;
}

function explain({ status, problem }) {
  switch (status) {
    case 0: return words().unreachable;
    case 403: return words().forbidden;
    case 503: return words().noModel;
    default: return words().failed(status, problem.request_id);
  }
}

function showUser() {
  const name = user();
  document.querySelector("#user").textContent = name ? words().connectedAs(name) : "";
  document.querySelector("#log-in").hidden = name !== null;
  document.querySelector("#log-out").hidden = name === null;
}

function logOut() {
  forget();
  clearLogin();
  recent.forgetRecent();
  scene.reset();
  showUser();
  document.querySelector("#log-in").focus();
}

function toggleMore() {
  more.open = !more.open;
  (more.open ? more.querySelector("select, input") : more.querySelector("summary")).focus();
}

const SHORTCUTS = {
  n: () => scene.reset(),
  p: toggleMore,
  l: switchLanguage,
};

function onKey(event) {
  if (document.querySelector("#login").open) return;
  if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    // With Alt a Mac writes another sign, so the place of the key counts there.
    const letter = /^[a-z]$/i.test(event.key) ? event.key : event.code.replace("Key", "");
    const action = SHORTCUTS[letter.toLowerCase()];
    if (action) {
      event.preventDefault();
      action();
    }
  }
}

// Browsers open a closed list on Enter, or do nothing; here it estimates. In an open list it still chooses.
function onEnter(event) {
  if (event.key !== "Enter" || event.target.tagName !== "SELECT" || isOpen(event.target)) return;
  event.preventDefault();
  estimate();
}

function isOpen(select) {
  return CSS.supports("selector(:open)") && select.matches(":open");
}

scene.addEventListener("submit", (event) => {
  event.preventDefault();
  estimate();
});
scene.addEventListener("reset", () => {
  form.clearProblems();
  result.showHint(() => words().cleared);
  form.focusFirst();
});
scene.addEventListener("input", () => result.markStale());
scene.addEventListener("keydown", onEnter);
document.addEventListener("keydown", onKey);
document.querySelector("#language").addEventListener("click", switchLanguage);
document.querySelector("#log-in").addEventListener("click", async () => {
  if (await logInNow()) form.focusFirst();
});
document.querySelector("#log-out").addEventListener("click", logOut);
recent.onResume((values) => {
  form.writeValues(values);
  result.showHint(() => words().resumed);
  form.focusFirst();
});
onLanguage(() => {
  showUser();
  form.redrawProblems();
  redrawLogin();
  result.draw();
  recent.drawRecent();
});

restoreLanguage();
form.focusFirst();
if (user() === null && (await logInNow())) form.focusFirst();
