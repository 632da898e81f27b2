// Requests to the service: logging in, and asking. The token is kept for this tab only, and deleted on logging out.

const TOKEN = "token";
const USER = "user";
const TIMEOUT_MS = 10_000;

export class ServiceError extends Error {
  // status 0: no answer at all.
  constructor(status, problem = {}) {
    super(problem.detail ?? `status ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export function user() {
  return sessionStorage.getItem(USER);
}

export function forget() {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(USER);
}

export async function logIn(username, password) {
  const body = new URLSearchParams({ username, password });
  const { access_token: token } = await send("/auth/token", { body });
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(USER, username);
}

export async function ask(scene) {
  const token = sessionStorage.getItem(TOKEN);
  if (!token) throw new ServiceError(401);
  const headers = { "Authorization": `Bearer ${token}`, "Content-Type": "application/json" };
  return send("/protected/predict?explain=true", { headers, body: JSON.stringify(scene) });
}

async function send(path, request) {
  let response, content;
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(path, { method: "POST", cache: "no-store", signal, ...request });
    content = await response.text();
  } catch {
    throw new ServiceError(0);
  }
  const answer = parse(content);
  if (response.ok && answer) return answer;
  // A proxy in between may answer with a page of its own.
  throw new ServiceError(response.ok ? 502 : response.status, {
    request_id: response.headers.get("X-Request-ID") ?? "–",
    ...answer,
  });
}

function parse(content) {
  try {
    return JSON.parse(content);
  } catch {
    return null;
  }
}
