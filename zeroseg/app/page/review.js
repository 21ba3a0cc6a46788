// The review: pictures are gone through, the least sure first, and every step is saved at once.

import * as api from "./api.js";
import { greyMap, labelMap, painted } from "./masks.js";
import { at, first, say } from "./page.js";
import * as results from "./review_api.js";
import { STATES, chooseClass, drawPreview, fillPictures, fillRegions, fillSteps, madeBy,
  nextRegion, ordered } from "./review_lists.js";
import { PromptTool } from "./review_tools.js";
import { ReviewView, boxMask, colored, covers, masked } from "./review_view.js";
import { outlined } from "./view.js";

const YELLOW = [255, 220, 40, 190], WHITE = [255, 255, 255, 130];
const PREVIEW = 96, NAME = "zeroseg-reviewer";
const state = { about: null, place: 0, list: null, number: null, review: null, predicted: null,
  picture: null, sure: null, marked: null, tool: null, candidate: null, mode: "overlay", asked: 0,
  last: Promise.resolve() };
const view = new ReviewView(at("canvas"), readOut, drawn);

async function begin() {
  state.about = await first(api.model);
  if (!state.about) return;
  const found = await results.folders();
  if (!found.length) return say("No results are shown: start zeroseg app --results FOLDER.", true);
  at("folder").replaceChildren(...found.map((own) => new Option(own.name, own.place)));
  const [, place, number] = location.hash.match(/^#(\d+)\/(\d+)$/) ?? [];
  await openFolder(found[place] ? Number(place) : 0, number === undefined ? null : Number(number));
}

async function openFolder(place, number = null) {
  state.place = place;
  at("folder").value = place;
  at("ranked").replaceChildren();
  state.list = await results.pictures(place);
  const { pictures } = state.list;
  at("order").textContent = ordered(state.list);
  const known = pictures.some((own) => own.number === number);
  await show(known ? number : (pictures.find(isOpen) ?? pictures[0]).number);
}

const isOpen = (own) => own.state === "open" && !own.problem;
const entry = () => state.list.pictures.find((own) => own.number === state.number);

/** The list and the count, as they are now. */
function listed() {
  const { pictures } = state.list;
  const held = at("ranked").contains(document.activeElement);
  fillPictures(at("ranked"), pictures, state.number, show, preview);
  const current = at("ranked").querySelector("[aria-current=true]");
  if (held) current?.focus();
  else if (current) current.parentElement.parentElement.scrollTop =
    current.offsetTop - at("ranked").offsetTop - 40;
  const done = pictures.filter((own) => own.state !== "open").length;
  at("counted").textContent = `${done} of ${pictures.length} reviewed`;
  Object.assign(at("bar"), { max: pictures.length, value: done });
}

async function preview(canvas) {
  canvas.dataset.asked = "";
  const picture = await results.picture(state.place, canvas.dataset.number, PREVIEW)
    .catch(() => null);
  if (picture) drawPreview(canvas, picture);
}

/** Go to a picture. */
async function show(number) {
  stopTool();
  Object.assign(state, { number, review: null, predicted: null, sure: null, marked: null });
  view.show({ height: 1, width: 1 }, {}); // what is closed is not drawn again
  state.picture?.close();
  state.picture = null;
  history.replaceState(null, "", `#${state.place}/${number}`);
  listed();
  const { place } = state;
  const current = () => state.place === place && state.number === number;
  const [review, predicted, picture] = await Promise.allSettled([
    results.review(place, number), results.prediction(place, number),
    results.picture(place, number)]);
  if (!current()) return void picture.value?.close();
  const failed = [review, picture].find((own) => own.status === "rejected");
  say(failed ? failed.reason.message : "", Boolean(failed));
  state.picture = picture.value ?? null;
  state.predicted = predicted.value ?? null;
  const sure = state.predicted?.confidence;
  state.sure = sure ? await greyMap(sure.map, state.predicted.size) : null;
  if (!current()) return;
  take(review.value ?? null);
}

/** Show a review as it is now. */
function take(review) {
  state.review = review;
  at("told").hidden = !review;
  if (!review) {
    at("canvas").setAttribute("aria-label", `${entry().name}: it cannot be shown`);
    view.show({ height: 1, width: 1 }, {});
    return;
  }
  const own = entry();
  Object.assign(own, { state: review.state, changed: review.revision > 0 });
  at("name").textContent = review.name;
  at("state").textContent = `${STATES[review.state]}, ` +
    (own.score === null ? "no score was saved" : `score ${own.score.toFixed(2)}`);
  at("reopen").hidden = review.state === "open";
  for (const [id, name] of [["accept", "accepted"], ["reject", "rejected"]]) {
    at(id).setAttribute("aria-pressed", String(review.state === name));
  }
  at("undo").disabled = !review.undo;
  at("redo").disabled = !review.redo;
  if (!review.regions.some((one) => one.number === state.marked)) state.marked = null;
  const held = at("regions").contains(document.activeElement);
  fillRegions(at("regions"), review, state.marked, mark);
  if (held) (regionButton(state.marked) ?? at("regions").querySelector("button"))?.focus();
  fillSteps(at("steps"), review.steps);
  state.labels = labelMap(review);
  const names = review.legend.filter((one) => !one.background).map((one) => one.name);
  at("canvas").setAttribute("aria-label",
    `${review.name}: ${names.slice(0, 4).join(", ") || "no classes"}, ${STATES[review.state]}`);
  listed();
  layers();
}

const regionButton = (number) => at("regions").querySelector(`[data-region="${number}"]`);

function mark(number) {
  if (state.marked === number) return;
  state.marked = number;
  at("regions").querySelectorAll("button").forEach((own) =>
    own.setAttribute("aria-pressed", String(own.dataset.region === String(number))));
  layers();
}

const markedRegion = () => state.review?.regions.find((own) => own.number === state.marked);

function layers() {
  const { review, predicted, picture } = state;
  if (!review) return;
  const as = state.mode === "predicted" && predicted;
  const found = { picture, classes: as ? colored(predicted, labelMap(predicted))
    : colored(review, state.labels) };
  found.sure = state.sure && painted(state.sure, review.size, (own) => [255 - own, own, 60, 255]);
  const region = markedRegion();
  if (state.candidate) found.marked = masked(state.candidate.segmentation, YELLOW);
  else if (region && !state.tool) found.marked = masked(region.segmentation, WHITE);
  view.show(review.size, found);
}

/** What is above the classes: the box of the marked region, or what is being drawn. */
function drawn(context, pixel) {
  const region = markedRegion();
  if (state.tool) state.tool.draw(context, pixel);
  else if (region) outlined(context, region.box_xyxy, "#fff", pixel);
}

/** The uppermost region at a pixel. */
const regionAt = ({ column, row }) =>
  [...state.review.regions].reverse().find((own) => covers(own.segmentation, column, row));

function readOut(pixel) {
  if (state.tool) return;
  if (!pixel || !state.review) return void (at("readout").textContent = "\u00a0");
  const place = pixel.row * state.review.size.width + pixel.column;
  const region = regionAt(pixel);
  const sure = state.sure ? `, ${Math.round(state.sure[place] / 2.55)} % sure` : "";
  at("readout").textContent = state.review.legend[state.labels[place]]?.name + sure +
    (region ? `; region of ${region.class} by ${madeBy(region)}` : "");
}

/** Take one step of the review after all that were asked before; whether it was taken. */
function step(body, saved) {
  const { place, number } = state;
  state.last = state.last.then(async () => {
    if (!state.review || state.place !== place || state.number !== number) return false;
    const by = at("who").value.trim();
    try {
      const sent = { ...body, by, revision: state.review.revision };
      const review = await results.change(place, number, sent);
      if (state.place !== place || state.number !== number) return true;
      say(saved(review));
      take(review);
      return true;
    } catch (refused) {
      say(refused.message, true);
      if (refused.status === 409) take(await results.review(place, number));
      return false;
    }
  });
  return state.last;
}

async function judge(what) {
  const done = { accept: "Accepted.", reject: "Rejected.", reopen: "Open again." }[what];
  if (!(await step({ do: what }, () => done)) || what === "reopen") return;
  if (!at("onward").checked) return;
  const { pictures } = state.list;
  const here = pictures.findIndex((own) => own.number === state.number);
  const next = [...pictures.slice(here + 1), ...pictures.slice(0, here)].find(isOpen);
  if (!next) return say(`${done} All pictures have been reviewed.`);
  await show(next.number);
  say(`${done} This is the next open picture; k goes back.`);
}

function go(by) {
  const { pictures } = state.list ?? { pictures: [] };
  const place = pictures.findIndex((own) => own.number === state.number) + by;
  if (pictures[place]) return show(pictures[place].number);
  say(by > 0 ? "This is the last picture." : "This is the first picture.");
}

const classOf = (title, first) => chooseClass(at("chooser"), title, state.review.classes, first);

/** The region that something is to be done to; without one, a person is told to mark one. */
function wanted() {
  const region = markedRegion();
  if (!region) say("Mark a region first: Tab, [ or ], or press it on the picture.", true);
  return region;
}

async function relabel() {
  const region = wanted();
  if (!region) return;
  const chosen = await classOf(`This ${region.class} is`, region.class);
  if (!chosen || chosen === region.class) return;
  await step({ do: "relabel", region: region.number, class: chosen },
    () => `${region.class} is ${chosen} now.`);
}

function remove() {
  const region = wanted();
  if (region) {
    step({ do: "delete", region: region.number }, () => `${region.class} was deleted.`);
  }
}

/** Begin to draw a box, or to click points. */
function draw(kind) {
  if (!state.review) return;
  stopTool();
  if (kind === "points" && !state.about.prompts) {
    return say("This model has no promptable masks: draw a box, which is added as it is.", true);
  }
  state.tool = view.tool = new PromptTool(kind, state.review.size, {
    changed: ask, moved: () => view.draw(), ended: (taken) => (taken ? add() : stopTool()) });
  at("canvas").classList.add("drawing");
  at("taking").hidden = false;
  at("canvas").focus();
  const how = kind === "box" ? "Drag, or arrows and Space for two corners"
    : "Click on it (right or Shift: beside it), or arrows and Space (n: beside it)";
  at("readout").textContent = `${how}; Enter takes it, Esc gives up.`;
  layers();
}

function stopTool() {
  if (!state.tool) return;
  state.asked++;
  Object.assign(state, { tool: null, candidate: null });
  view.tool = null;
  at("canvas").classList.remove("drawing");
  at("taking").hidden = true;
  at("readout").textContent = "\u00a0";
  layers();
}

/** Show the mask of what is drawn by now. */
async function ask() {
  const { tool } = state, asked = ++state.asked;
  const { prompt } = tool;
  let candidate = null;
  if (prompt && state.about.prompts) {
    try {
      candidate = await results.mask(state.place, state.number, prompt);
      if (asked === state.asked) say(`${candidate.model}: ${candidate.area} pixels.`);
    } catch (refused) {
      if (asked === state.asked) say(refused.message, true);
    }
  }
  if (asked !== state.asked) return;
  state.candidate = candidate;
  layers();
}

async function add() {
  const { tool } = state, { prompt } = tool;
  if (!prompt) return say("Draw a box or a point on it first.", true);
  const chosen = await classOf("What is it?", markedRegion()?.class);
  if (!chosen || state.tool !== tool) return void at("canvas").focus();
  const what = state.about.prompts ? { prompt } : { mask: boxMask(state.review.size, prompt.box) };
  const added = await step({ do: "add", class: chosen, ...what }, (review) => {
    state.marked = review.regions.at(-1).number;
    return `${chosen} was added.`;
  });
  if (!added) return;
  stopTool();
  regionButton(state.marked)?.focus();
}

function key(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) &&
    !["checkbox", "range"].includes(event.target.type);
  if (typing || document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const does = {
    j: () => go(1), k: () => go(-1), a: () => judge("accept"), x: () => judge("reject"),
    o: () => judge("reopen"), r: relabel, Delete: remove, b: () => draw("box"),
    p: () => draw("points"), z: back, Z: again, Escape: stopTool,
    "[": () => nextRegion(at("regions"), -1), "]": () => nextRegion(at("regions"), 1),
    "?": () => at("help").showModal(),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

const back = () => step({ do: "undo" }, () => "Undone.");
const again = () => step({ do: "redo" }, () => "Done again.");

function listen() {
  const on = (id, does) => at(id).addEventListener("click", does);
  at("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("token-line").hidden) return;
    api.keepToken(at("token").value);
    begin();
  });
  at("folder").addEventListener("change", ({ target }) => openFolder(Number(target.value)));
  at("who").value = localStorage.getItem(NAME) ?? "";
  at("who").addEventListener("change", ({ target }) => localStorage.setItem(NAME, target.value));
  at("mode").addEventListener("change", ({ target }) => {
    state.mode = target.value;
    view.set({ mode: state.mode === "predicted" ? "overlay" : state.mode });
    layers();
  });
  at("opacity").addEventListener("input", ({ target }) => view.set({ opacity: target.value / 100 }));
  at("canvas").addEventListener("contextmenu", (event) => state.tool && event.preventDefault());
  at("canvas").addEventListener("click", (event) => {
    if (state.tool || !state.review) return;
    const { x, y } = view.exact(event);
    const region = regionAt({ column: Math.floor(x), row: Math.floor(y) });
    if (region) regionButton(region.number)?.focus({ preventScroll: true });
  });
  [["in", () => view.zoomIn()], ["out", () => view.zoomOut()], ["fit", () => view.fit()],
    ["accept", () => judge("accept")], ["reject", () => judge("reject")],
    ["reopen", () => judge("reopen")], ["box", () => draw("box")],
    ["points", () => draw("points")], ["relabel", relabel], ["delete", remove], ["undo", back],
    ["redo", again], ["keys", () => at("help").showModal()], ["taken", add],
    ["given", stopTool], ["closed", () => at("help").close()]].forEach(([id, does]) => on(id, does));
  document.addEventListener("keydown", key);
}

listen();
begin().catch((refused) => say(refused.message, true));
