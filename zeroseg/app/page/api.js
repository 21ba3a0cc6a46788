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

export const model = async () => (await ask("/v1/model")).json();

/** The JSON, or the file, that a path of the API gives. */
export const told = async (path) => (await ask(path)).json();

export const blob = async (path) => (await ask(path)).blob();

export const offered = async (place) => (await ask(`/v1/pictures/${place}`)).blob();

/** Segment a picture; where all places are taken, ask again when the server says so. */
export async function segment(blob, name, fields, waiting) {
  const form = new FormData();
  form.append("picture", blob, name);
  for (const [key, value] of fields) form.append(key, value);
  for (;;) {
    try {
      return await (await ask("/v1/segment", { method: "POST", body: form })).json();
    } catch (refused) {
      if (refused.status !== 429) throw refused;
      waiting();
      await new Promise((go) => setTimeout(go, refused.after * 1000));
    }
  }
}
