// What the server is asked. The token is kept for this tab alone.

const KEY = "zeroseg-token";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

/** A response; what is not one of success is thrown as `Refused`, with status 0 where none came. */
export async function ask(path, options = {}) {
  const token = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Refused(0, "the server cannot be reached");
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const refused = new Refused(response.status, said.detail || `the server says ${response.status}`);
  refused.after = Number(response.headers.get("Retry-After")) || 1;
  throw refused;
}

/** The JSON, or the file, that a path of the API gives. */
export const told = async (path) => (await ask(path)).json();

export const blob = async (path) => (await ask(path)).blob();

export const model = () => told("/v1/model");

export const offered = (place) => blob(`/v1/pictures/${place}`);

/** Send something; where all places are taken, say so and ask again when the server says. */
export async function send(path, body, { headers = {}, waiting = () => {} } = {}) {
  for (;;) {
    try {
      return await (await ask(path, { method: "POST", headers, body })).json();
    } catch (refused) {
      if (refused.status !== 429) throw refused;
      waiting();
      await new Promise((go) => setTimeout(go, refused.after * 1000));
    }
  }
}
