// The log-in dialog. It opens when a token is needed, and says why.

import { words } from "./language.js";
import { logIn } from "./service.js";

const dialog = document.querySelector("#login");
const problem = document.querySelector("#login-problem");
const username = document.querySelector("#username");
const password = document.querySelector("#password");

let done = null;
let busy = false;

// Resolves to true once somebody is logged in, to false if the dialog was closed.
export function openLogin(why = null, name = null) {
  if (dialog.open) return Promise.resolve(false);
  say(why);
  username.value = name ?? username.value;
  dialog.showModal();
  (username.value ? password : username).focus();
  return new Promise((resolve) => {
    done = resolve;
  });
}

export function redrawLogin() {
  if (!problem.hidden) say(problem.say);
}

export function clearLogin() {
  username.value = "";
}

dialog.addEventListener("close", () => {
  password.value = "";
  done?.(dialog.returnValue === "in");
  done = null;
});

document.querySelector("#login-cancel").addEventListener("click", () => dialog.close("out"));
dialog.addEventListener("cancel", () => {
  dialog.returnValue = "out";
});

document.querySelector("#login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (busy) return;
  busy = true;
  try {
    await logIn(username.value, password.value);
    dialog.close("in");
  } catch (error) {
    say(() => explain(error));
    password.select();
  } finally {
    busy = false;
  }
});

function explain({ status, problem: answered }) {
  switch (status) {
    case 0: return words().unreachable;
    case 400:
    case 401: return words().wrongPassword;
    case 429: return words().tooManyLogIns;
    default: return words().failed(status, answered?.request_id);
  }
}

function say(text) {
  problem.say = text;
  problem.hidden = !text;
  problem.textContent = text ? text() : "";
}
