// What the server is asked about results and their reviews.

import { ask } from "./api.js";

const of = (place, number) => `/v1/results/${place}/${number}`;

export const folders = async () => (await ask("/v1/results")).json();

export const pictures = async (place) => (await ask(`/v1/results/${place}`)).json();

export const prediction = async (place, number) => (await ask(of(place, number))).json();

export const review = async (place, number) => (await ask(`${of(place, number)}/review`)).json();

export async function picture(place, number, side) {
  const asked = `${of(place, number)}/picture${side ? `?side=${side}` : ""}`;
  return createImageBitmap(await (await ask(asked)).blob());
}

export const change = (place, number, body) => sent(`${of(place, number)}/review`, body);

export const mask = (place, number, prompt) => sent(`${of(place, number)}/mask`, prompt);

/** Send JSON; where all places are taken, ask again when the server says so. */
async function sent(path, body) {
  const headers = { "Content-Type": "application/json" };
  for (;;) {
    try {
      return await (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
    } catch (refused) {
      if (refused.status !== 429) throw refused;
      await new Promise((go) => setTimeout(go, refused.after * 1000));
    }
  }
}
