// The picture of a review: what a person draws is above the classes, and goes to a tool first.

import { painted, rgb, runLengths, write } from "./masks.js";
import { View } from "./view.js";

export class ReviewView extends View {
  /** `drawn` draws above the classes: of a context, and how wide a screen's pixel is there. */
  constructor(canvas, hovered, drawn) {
    super(canvas, hovered);
    Object.assign(this, { drawnAbove: drawn, tool: null });
    for (const kind of ["pointerdown", "pointermove", "pointerup", "keydown"]) {
      canvas.addEventListener(kind, (event) => this.offer(event), { capture: true });
    }
  }

  /** A tool has `pointerdown`, `pointermove`, `pointerup` and `keydown`, which say what they took. */
  offer(event) {
    if (!this.tool || event.ctrlKey || event.metaKey || event.altKey) return;
    const exact = event.type === "keydown" ? null : this.exact(event);
    if (this.tool[event.type]?.(event, exact)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.type === "pointerdown") this.canvas.focus();
    }
  }

  /** Where an event is, in pixels of the picture and within it. */
  exact(event) {
    const { x, y } = this.at(event);
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    return {
      x: within((x - this.x) / this.scale, this.size.width),
      y: within((y - this.y) / this.scale, this.size.height),
    };
  }

  labelled(context) {
    super.labelled(context);
    this.drawnAbove(context, (devicePixelRatio || 1) / this.scale);
  }
}

/** The classes of a label map in their colours, the background clear. */
export function colored({ legend, size }, labels) {
  return painted(labels, size, (place) => (legend[place].background
    ? [0, 0, 0, 0] : [...rgb(legend[place].color), 255]));
}

/** A mask of run lengths in a colour, all else clear. */
export function masked(segmentation, color) {
  const [height, width] = segmentation.size;
  const map = new Uint8Array(height * width);
  write(map, segmentation, 1);
  return painted(map, { height, width }, (value) => (value ? color : [0, 0, 0, 0]));
}

/** Whether a mask of run lengths covers a pixel. */
export function covers({ size: [height], counts }, column, row) {
  const place = column * height + row;
  let at = 0, inside = false;
  for (const length of runLengths(counts)) {
    at += length;
    if (place < at) return inside;
    inside = !inside;
  }
  return false;
}

/** The mask of a box [x1, y1, x2, y2], as run lengths that are not compressed. */
export function boxMask({ height, width }, box) {
  const [x1, y1, x2, y2] = box.map(Math.round);
  const counts = [x1 * height + y1];
  for (let column = x1; column < x2; column++) {
    counts.push(y2 - y1, column + 1 < x2 ? height - (y2 - y1) : height - y2);
  }
  counts[counts.length - 1] += (width - x2) * height;
  return { size: [height, width], counts };
}
