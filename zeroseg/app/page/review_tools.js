// A box that is drawn, or points that are clicked; by the pointer, or by a cursor that keys move.

import { dot, outlined } from "./view.js";

const STEP = 1 / 64; // of the picture's longer side, that an arrow key moves the cursor

export class PromptTool {
  /**
   * `kind` is "box" or "points"; `changed` is told after each change of the prompt, `moved` after
   * all else, and `ended` with whether the prompt is to be taken.
   */
  constructor(kind, size, { changed, moved, ended }) {
    Object.assign(this, { kind, size, changed, moved, ended });
    Object.assign(this, { box: null, points: [], begin: null, dragging: false });
    this.cursor = { x: size.width / 2, y: size.height / 2, shown: true };
  }

  /** What the server is asked, or null where that is nothing yet. */
  get prompt() {
    if (!this.box && !this.points.some((own) => own.on)) return null;
    return { box: this.box, points: this.points };
  }

  pointerdown(event, at) {
    if (event.button !== 0 && event.button !== 2) return false;
    this.cursor = { ...at, shown: false };
    if (this.kind === "points") return this.point(at, event.button === 0 && !event.shiftKey);
    Object.assign(this, { begin: at, dragging: true, box: null });
    event.target.setPointerCapture(event.pointerId);
    return true;
  }

  pointermove(event, at) {
    if (!this.dragging) return false;
    this.cursor = { ...at, shown: false };
    this.moved();
    return true;
  }

  pointerup(event, at) {
    if (!this.dragging) return false;
    this.dragging = false;
    this.cursor = { ...at, shown: false };
    this.close();
    return true;
  }

  keydown({ key, shiftKey }) {
    const far = STEP * Math.max(this.size.width, this.size.height) * (shiftKey ? 4 : 1);
    const [x, y] = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far],
      ArrowDown: [0, far] }[key] ?? [0, 0];
    if (x || y) return this.move(x, y);
    const does = {
      Escape: () => this.ended(false),
      Enter: () => (this.prompt ? this.ended(true) : this.mark(true)),
      " ": () => this.mark(true),
      n: () => this.kind === "points" && this.mark(false),
      Backspace: () => this.back(),
    }[key];
    if (!does) return false;
    does();
    return true;
  }

  move(x, y) {
    const { cursor, size } = this;
    cursor.x = Math.min(Math.max(cursor.x + x, 0), size.width);
    cursor.y = Math.min(Math.max(cursor.y + y, 0), size.height);
    cursor.shown = true;
    this.moved();
    return true;
  }

  /** A corner or a point where the cursor is. */
  mark(on) {
    const at = { x: this.cursor.x, y: this.cursor.y };
    if (this.kind === "points") return this.point(at, on);
    if (this.begin && !this.box) return this.close();
    Object.assign(this, { begin: at, box: null });
    this.changed();
    return true;
  }

  point({ x, y }, on) {
    this.points.push({ x, y, on });
    this.changed();
    return true;
  }

  back() {
    if (this.kind === "points") this.points.pop();
    else Object.assign(this, { begin: null, box: null });
    this.changed();
  }

  /** Make a box of where it began and where the cursor is. */
  close() {
    const box = this.between();
    if (box[2] - box[0] >= 1 && box[3] - box[1] >= 1) this.box = box;
    else this.begin = null;
    this.changed();
    return true;
  }

  between() {
    const { begin, cursor } = this;
    return [Math.min(begin.x, cursor.x), Math.min(begin.y, cursor.y),
      Math.max(begin.x, cursor.x), Math.max(begin.y, cursor.y)].map(Math.round);
  }

  draw(context, pixel) {
    const box = this.box ?? (this.begin && this.between());
    if (box) outlined(context, box, "#fff", pixel);
    for (const { x, y, on } of this.points) dot(context, x, y, on ? "#2fbf4f" : "#e5402a", 1.5 * pixel);
    if (this.cursor.shown) cross(context, this.cursor, pixel);
  }
}

function cross(context, { x, y }, pixel) {
  for (const [color, wide] of [["#000", 4], ["#fff", 1.5]]) {
    context.strokeStyle = color;
    context.lineWidth = wide * pixel;
    context.beginPath();
    context.moveTo(x - 14 * pixel, y);
    context.lineTo(x + 14 * pixel, y);
    context.moveTo(x, y - 14 * pixel);
    context.lineTo(x, y + 14 * pixel);
    context.stroke();
  }
}
