// A picture, what is known of it, and the layers that the view draws.

import { greyMap, labelMap, painted, rgb, write } from "./masks.js";
import { boxes, preview, settle } from "./stages.js";

/** Take in a result. */
export async function take(item, answer) {
  item.labels = labelMap(answer);
  item.sure = answer.confidence ? await greyMap(answer.confidence.map, answer.size) : null;
  item.hidden = new Set(answer.legend.flatMap((own, place) => (own.background ? [place] : [])));
  Object.assign(item, { answer, marked: null, layers: {} });
  settle(item.stages, answer);
}

/** The largest classes of a result, in a line. */
export function summary(answer) {
  const names = Object.keys(answer.areas);
  return names.length ? names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "")
    : "none of the classes";
}

/** See `View.show`; boxes are shown where they are asked for, and while there is no result. */
export function layersOf(item, size, boxed) {
  const { answer, picture, stages, sure } = item;
  const found = { picture };
  if (stages && (boxed || !answer)) found.boxes = boxes(stages);
  if (!answer) return { ...found, preview: stages && preview(stages) };
  found.classes = colored(item);
  found.sure = sure && painted(sure, size, (value) => [255 - value, value, 60, 255]);
  found.marked = markedLayer(item);
  found.box = item.marked?.box_xyxy;
  return found;
}

/** The layer of classes, without those that are switched off. */
function colored({ answer, hidden, labels }) {
  const { legend, size } = answer;
  return painted(labels, size, (place) =>
    hidden.has(place) ? [0, 0, 0, 0] : [...rgb(legend[place].color), 255]);
}

function markedLayer({ answer, marked }) {
  if (!marked?.segmentation) return null;
  const { height, width } = answer.size;
  const map = new Uint8Array(height * width);
  write(map, marked.segmentation, 1);
  return painted(map, answer.size, (value) => (value ? [255, 255, 255, 110] : [0, 0, 0, 0]));
}

/** Picture and classes as they are shown, at the picture's size. */
export async function overlay({ answer, layers, picture }, opacity) {
  const { height, width } = answer.size;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (picture) context.drawImage(picture, 0, 0, width, height);
  context.globalAlpha = opacity;
  context.drawImage(layers.classes, 0, 0);
  return canvas.convertToBlob();
}
