// Masks as COCO's run lengths, column by column, and what the view needs of them.

/** Lengths of the runs outside and inside in turn. */
export function runLengths(text) {
  const runs = [];
  for (let at = 0; at < text.length; ) {
    let number = 0, place = 0, character;
    do {
      character = text.charCodeAt(at++) - 48;
      number += (character & 31) * 32 ** place++;
    } while (character & 32);
    if (character & 16) number -= 32 ** place;
    if (runs.length > 2) number += runs[runs.length - 2];
    runs.push(number);
  }
  return runs;
}

/** Write a value where a mask is, into a map of rows. */
export function write(map, { size: [height, width], counts }, value) {
  let at = 0, inside = false;
  for (const length of runLengths(counts)) {
    if (inside) {
      for (let pixel = at; pixel < at + length; pixel++) {
        map[(pixel % height) * width + Math.floor(pixel / height)] = value;
      }
    }
    at += length;
    inside = !inside;
  }
}

/** Places in the legend, one a pixel. */
export function labelMap({ size: { height, width }, legend }) {
  const map = new Uint16Array(height * width);
  legend.forEach((entry, place) => write(map, entry.segmentation, place));
  return map;
}

/** The grey values of a PNG as base64. */
export async function greyMap(text, { height, width }) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(picture, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return Uint8Array.from({ length: height * width }, (_, pixel) => data[4 * pixel]);
}

/** Red, green and blue of #rrggbb. */
export const rgb = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

/** A picture of the size that `color` fills: [red, green, blue, alpha] of each pixel's value. */
export function painted(map, { height, width }, color) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const table = new Map();
  for (let pixel = 0; pixel < map.length; pixel++) {
    const value = map[pixel];
    let word = table.get(value);
    if (word === undefined) {
      const [red, green, blue, alpha] = color(value);
      word = new Uint32Array(new Uint8Array([red, green, blue, alpha]).buffer)[0];
      table.set(value, word);
    }
    words[pixel] = word;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
