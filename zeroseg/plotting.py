"""Pictures for people: overlays with legends, indexed masks, boxes and points, panels."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from zeroseg.values import Detections, Points
from zeroseg.vocabulary import Color, Vocabulary

PAPER, _INK = (250, 250, 248), (30, 30, 30)
_UNLABELLED, _GRAY = (224, 224, 192), (128, 128, 128)
_LIFT = 24
"""Black is lifted to this grey where it must be told from the picture's own black."""


def picture(image: Tensor) -> Image.Image:
    """A (3, H, W) uint8 tensor as a PIL image."""
    return Image.fromarray(image.permute(1, 2, 0).cpu().numpy())


def indexed(label_map: Tensor, vocabulary: Vocabulary) -> Image.Image:
    """A label map (H, W) of class indices as a picture of file ids: indexed, or 16 bits of grey."""
    ids = vocabulary.to_ids(label_map.cpu()).numpy()
    if vocabulary.bits == 16:
        return Image.fromarray(ids.astype(np.uint16))
    palette = np.zeros((256, 3), np.uint8)
    palette[vocabulary.ignore_index] = _UNLABELLED
    palette[list(vocabulary.ids)] = vocabulary.colors
    mask = Image.fromarray(ids)
    mask.putpalette(palette.tobytes())
    return mask


def grey(values: Tensor) -> Image.Image:
    """A map (H, W) of numbers in [0, 1] as a picture of 8 bits, 255 for 1."""
    return Image.fromarray((values.cpu() * 255).round().to(torch.uint8).numpy())


def colored(label_map: Tensor, vocabulary: Vocabulary) -> Image.Image:
    """A label map (H, W) in the vocabulary's colours."""
    table = np.zeros((vocabulary.ignore_index + 1, 3), np.uint8)
    table[: len(vocabulary)] = vocabulary.colors
    table[vocabulary.ignore_index] = _UNLABELLED
    return Image.fromarray(table[label_map.cpu().numpy()])


def overlay(
    image: Tensor, label_map: Tensor, vocabulary: Vocabulary, opacity: float = 0.55
) -> Image.Image:
    """The picture with its classes in colour, outlined, and a legend beneath."""
    body = painted(image, label_map, vocabulary, opacity)
    present = label_map.unique().tolist()
    return grid([body, classes_legend(present, vocabulary, body.width)])


def painted(
    image: Tensor, label_map: Tensor, vocabulary: Vocabulary, opacity: float = 0.55
) -> Image.Image:
    """The picture with its classes in colour, outlined."""
    labels = label_map.cpu().numpy()
    base = image.permute(1, 2, 0).cpu().numpy().astype(np.float32)
    paint = np.asarray(colored(label_map, vocabulary)).astype(np.float32)
    shown = (labels != vocabulary.background) & (labels != vocabulary.ignore_index)
    mixed = np.where(shown[..., None], (1 - opacity) * base + opacity * paint, base * 0.75 + 48)
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    mixed[edge] = 255
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def classes_legend(present: Collection[int], vocabulary: Vocabulary, width: int) -> Image.Image:
    """The legend of the classes among `present`, in the vocabulary's order."""
    shown = [index for index in vocabulary.classes if index in present]
    entries = [(vocabulary.names[index], vocabulary.colors[index]) for index in shown]
    return legend(entries or [("nothing found", PAPER)], width)


def legend(entries: Sequence[tuple[str, Color]], width: int) -> Image.Image:
    """Swatches and names, as many to a row as fit."""
    size = max(11, min(22, width // 26))
    font = ImageFont.load_default(size)
    places, x, y = [], size // 2, size // 2
    for name, color in entries:
        length = round(font.getlength(name)) + 2 * size + size // 2
        if x > size and x + length > width:
            x, y = size // 2, y + round(1.5 * size)
        places.append((x, y, name, color))
        x += length
    sheet = Image.new("RGB", (width, y + round(1.6 * size)), PAPER)
    pen = ImageDraw.Draw(sheet)
    for left, top, name, color in places:
        pen.rectangle((left, top + 1, left + size, top + 1 + size), fill=color, outline=_INK)
        pen.text((left + round(1.4 * size), top - 1), name, fill=_INK, font=font)
    return sheet


def class_colors(detections: Detections, vocabulary: Vocabulary) -> list[Color]:
    """A colour for each detection: its class's, or grey where it has none."""
    labels = detections.labels.tolist()
    return [_visible(vocabulary.colors[label]) if label >= 0 else _GRAY for label in labels]


def boxes_and_points(
    image: Tensor, detections: Detections, points: Points | None, colors: Sequence[Color]
) -> Image.Image:
    """The picture with every box in its colour, its phrase and score, and the point prompts."""
    scale = max(1, round(320 / max(image.shape[1:])))
    sheet = picture(image).resize((image.shape[2] * scale, image.shape[1] * scale))
    pen = ImageDraw.Draw(sheet)
    size = max(10, sheet.width // 28)
    font = ImageFont.load_default(size)
    for index in reversed(range(len(detections))):
        color = colors[index]
        box = [value * scale for value in detections.boxes[index].tolist()]
        pen.rectangle(box, outline=color, width=max(2, scale))
        if points is not None:
            real = points.xy[index][points.labels[index] == 1] * scale
            for x, y in real.tolist():
                pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=color, outline="white")
        text = f"{detections.phrases[index]} {float(detections.scores[index]):.2f}"
        place = (box[0] + 2, max(0.0, box[1] - size - 3))
        pen.rectangle(pen.textbbox(place, text, font=font), fill=color)
        pen.text(place, text, fill="white" if sum(color) < 420 else "black", font=font)
    return sheet


def panels(columns: Sequence[tuple[str, Image.Image]], height: int = 320) -> Image.Image:
    """Pictures side by side at one height, each under its title."""
    size = max(12, height // 20)
    font = ImageFont.load_default(size)
    bar, gap = size + 10, 8
    shown = []
    for title, image in columns:
        width = round(image.width * height / image.height)
        cell = Image.new("RGB", (width, height + bar), PAPER)
        ImageDraw.Draw(cell).text((4, 4), title, fill=_INK, font=font)
        cell.paste(image.convert("RGB").resize((width, height)), (0, bar))
        shown.append(cell)
    total = sum(cell.width for cell in shown) + gap * (len(shown) - 1)
    sheet = Image.new("RGB", (total, height + bar), PAPER)
    left = 0
    for cell in shown:
        sheet.paste(cell, (left, 0))
        left += cell.width + gap
    return sheet


def grid(rows: Sequence[Image.Image]) -> Image.Image:
    """Pictures one above the other."""
    sheet = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), PAPER)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _visible(color: Color) -> Color:
    return color if max(color) > _LIFT else (_LIFT, _LIFT, _LIFT)
