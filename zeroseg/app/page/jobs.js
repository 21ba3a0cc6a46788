// Jobs: pictures are sent together, and what becomes of them is followed as it happens.

import { ask, Refused, send } from "./api.js";

const TRIES = 5; // connections in a row that bring no event

/** Pictures in parts, each of which may be one job; one that is too large is a part of its own. */
export function parts(items, limits) {
  const most = Math.min(limits.megabytes, limits.job_megabytes) * 0.95e6;
  const found = [];
  let size = 0;
  for (const item of items) {
    const last = found.at(-1);
    if (last && last.length < limits.job_pictures && size + item.blob.size <= most) {
      last.push(item);
      size += item.blob.size;
    } else {
      found.push([item]);
      size = item.blob.size;
    }
  }
  return found;
}

/** Begin a job; `waiting` is called where there is no room yet. */
export function begin(items, fields, waiting) {
  const form = new FormData();
  for (const { blob, name } of items) form.append("picture", blob, name);
  for (const [key, value] of fields) form.append(key, value);
  return send("/v1/jobs", form, { waiting });
}

/** Call `told` with each event's kind and data, to the last one; a lost connection is taken up. */
export async function follow(job, told) {
  let next = 0;
  for (let tries = 0; tries < TRIES; tries++) {
    if (tries) await new Promise((go) => setTimeout(go, 500 * tries));
    for await (const { id, kind, data } of connected(job, next)) {
      next = id + 1;
      tries = 0;
      told(kind, data);
      if (kind === "done") return;
    }
  }
  throw new Refused(0, "the server cannot be reached");
}

/** Events from one on, as long as the connection lasts. EventSource could send no token. */
async function* connected(job, next) {
  const headers = next ? { "Last-Event-ID": String(next - 1) } : {};
  const response = await ask(job.events, { headers }).catch((refused) => {
    if (refused.status) throw refused;
    return null;
  });
  if (!response) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read().catch(() => ({ done: true }));
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      yield* blocks.filter((block) => block.startsWith("id:")).map(event);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function event(block) {
  const fields = Object.fromEntries(block.split("\n").map((line) => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2)];
  }));
  return { id: Number(fields.id), kind: fields.event, data: JSON.parse(fields.data) };
}

/** Give up what has not begun; a job that has ended is forgotten by the server. */
export const giveUp = (id) => ask(`/v1/jobs/${id}`, { method: "DELETE" });
