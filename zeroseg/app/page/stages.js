// What the stages of a picture say: kept as they tell it, shown, and drawn over the picture.

import { painted, rgb, write } from "./masks.js";
import { element } from "./told.js";

const KEPT = ["tags", "caption", "prompts", "detections", "masks", "points"];

/** Of a picture that nothing has been told of yet; `plan` are the names of its stages. */
export const nothing = (plan) =>
  ({ plan, now: null, ended: new Set(), exchanges: [], seconds: {} });

/** Take in what a stage tells. */
export function hear(stages, told) {
  stages.now = told.stage;
  if (!told.ended) return;
  for (const name of KEPT) if (name in told) stages[name] = told[name];
  stages.exchanges.push(...(told.exchanges ?? []));
  if (told.stage === "masks" && !told.masks) return; // encoded ahead, not yet made
  stages.ended.add(told.stage);
  stages.seconds[told.stage] = told.seconds;
}

/** Take in the result, which tells all that stages told but the colours of boxes, and points. */
export function settle(stages, { tags, caption, prompts, detections, exchanges, seconds }) {
  Object.assign(stages, { tags, caption, prompts, exchanges, seconds, now: null });
  stages.detections ??= detections;
}

/** Boxes with their colours and points, as the view draws them. */
export const boxes = ({ detections = [], points = [] }) => detections.map((one, place) =>
  ({ box: one.box_xyxy, color: one.color ?? "#ffffff", points: points[place] ?? [] }));

/** Masks as far as they are there, in the colours of their boxes; the surest is uppermost. */
export function preview({ detections, masks }) {
  if (!masks?.length) return null;
  const [height, width] = masks[0].size;
  const map = new Uint8Array(height * width);
  for (let place = masks.length - 1; place >= 0; place--) write(map, masks[place], place + 1);
  const colors = detections.map((one) => (one.color ? [...rgb(one.color), 255] : [0, 0, 0, 0]));
  return painted(map, { height, width }, (value) => colors[value - 1] ?? [0, 0, 0, 0]);
}

/** Show what was told so far; what has not changed stays, opened or focused as it was. */
export function fillStages(list, stages) {
  const before = new Map([...list.querySelectorAll("dd")].map((part) => [part.said, part]));
  const focused = document.activeElement;
  list.replaceChildren(...lines(stages).filter(([, value]) => value?.length).flatMap(
    ([title, value, shown]) => {
      const said = JSON.stringify([title, value]);
      const part = before.get(said) ?? element("dd", "", shown(value));
      part.said = said;
      return [element("dt", title), part];
    }));
  if (list.contains(focused)) focused.focus();
}

const words = (text) => [document.createTextNode(text)];

const lines = ({ tags, caption, exchanges, prompts, detections, seconds, now }) => [
  ["tags", tags?.map(({ name, score }) => [name, score]), chips],
  ["caption", caption, words],
  ["language model", exchanges, (all) => all.flatMap(exchange)],
  ["looked for", prompts?.map((one) => [named(one.prompt, one), one.presence]), chips],
  ["boxes", detections?.map((one) => `${named(one.phrase, one)} ${one.score.toFixed(2)}`),
    (all) => words(all.join("\n"))],
  ["seconds", Object.entries(seconds).map(([stage, s]) => `${stage} ${s.toFixed(2)}`),
    (all) => words(all.join(", "))],
  ["now", now, words],
];

function named(phrase, { class: of, distractor }) {
  if (distractor) return `${phrase} (to be told apart)`;
  if (of === phrase) return phrase;
  return `${phrase} → ${of ?? "none of the classes"}`;
}

function chips(all) {
  const made = element("ul", "", all.map(([name, score]) => element("li", name,
    score === undefined || score === null ? [] : [element("small", ` ${score.toFixed(2)}`)])));
  made.className = "chips";
  return [made];
}

/** A question, folded up, and its answer with whatever reasons it gives. */
function exchange({ purpose, prompt, reply, dropped, refused }) {
  const question = element("p", prompt);
  question.tabIndex = 0; // it scrolls
  const asked = element("details", "", [element("summary", `asked for ${purpose}`), question]);
  const answer = element("blockquote", refused ? `no answer: ${refused}` : reply || "no answer");
  const left = dropped.length ? [element("p", `names no class: ${dropped.join(", ")}`)] : [];
  left.forEach((line) => line.classList.add("hint"));
  return [asked, answer, ...left];
}
