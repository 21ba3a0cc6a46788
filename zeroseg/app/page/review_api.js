// What the server is asked about results and their reviews.

import { blob, send, told } from "./api.js";

const of = (place, number) => `/v1/results/${place}/${number}`;

export const folders = () => told("/v1/results");

export const pictures = (place) => told(`/v1/results/${place}`);

export const prediction = (place, number) => told(of(place, number));

export const review = (place, number) => told(`${of(place, number)}/review`);

export async function picture(place, number, side) {
  const asked = `${of(place, number)}/picture${side ? `?side=${side}` : ""}`;
  return createImageBitmap(await blob(asked));
}

export const change = (place, number, body) => sent(`${of(place, number)}/review`, body);

export const mask = (place, number, prompt) => sent(`${of(place, number)}/mask`, prompt);

const sent = (path, body) =>
  send(path, JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
