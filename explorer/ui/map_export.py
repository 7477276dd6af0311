"""What can be saved of the latent map: the map as a picture or a drawing, and the latents as a table or arrays."""

import io
import json
import re
import time
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from explorer.messages import Floats
from explorer.ui import figure
from explorer.ui.map_colors import TERMS

if TYPE_CHECKING:
    from explorer.ui.latent_map import LatentScatter

_BAR, _UNDER = 280, 34  # pixels: the colour bar's width, and the room that it takes


class MapExports:
    """Fills the menu of a map, and makes the files from what it shows now."""

    def __init__(self, shown: "LatentScatter") -> None:
        self._map = shown
        menu = shown.exports
        menu.add("latent-map", "Save the map as PNG", ".png", self._png)
        menu.add("latent-map-drawing", "Save the map as SVG", ".svg", self._svg, lambda: "latent-map")
        menu.addSeparator()
        menu.add("latents-table", "Save the latents as CSV", ".csv", self._csv, lambda: "latents")
        menu.add("latents", "Save the latents as NPZ", ".npz", self._npz)

    # ---- the map ----

    def _provenance(self) -> dict[str, object]:
        shown = self._map
        look = {
            "made": "latent map",
            "plane": shown.canvas.plane.kind,
            "axes": list(shown.canvas.plane.names),
            "look": shown.canvas.look,
            "colored_by": shown.key.coloring.key,
            "hidden": sorted(shown.key.legend.hidden),
            "cursor": [round(float(value), 6) for value in shown.z],
        }
        return self._told(look)

    def _told(self, made: Mapping[str, object]) -> dict[str, object]:
        shown = self._map
        known = shown.provenance() if shown.provenance is not None else {}
        assert shown.latents is not None
        of = {"split": shown.latents.split, "items": len(shown.latents.labels)}
        return {**known, **of, **made, "time": time.strftime("%Y-%m-%dT%H:%M:%S")}

    def _paint(self, painter: QPainter, page: QRectF, *, vectors: bool) -> None:
        shown, canvas = self._map, self._map.canvas
        legend = []
        if shown.key.coloring.by_class and canvas.look != "density":
            legend = [
                (f"■ {entry.text()}", QColor(shown.key.legend.color(k)))
                for k, entry in shown.key.legend.entries.items()
                if k not in shown.key.legend.hidden
            ]
            if shown.key.groups.noun != "class":
                legend.insert(0, (shown.key.groups.noun, QColor(canvas.ink.muted)))
        area = figure.paint_head(painter, page, shown.title.text(), legend)
        area.setLeft(area.left() + 12)
        if shown.key.bar.shown:
            shown.key.bar.paint(painter, QRectF(area.left(), area.top() - 8, _BAR, 30))
            area.setTop(area.top() + _UNDER - 4)
        view = canvas.view.resized(area, canvas.stretch)
        canvas.paint_backdrop(painter, view, figure.SCALE, vectors=vectors)
        canvas.marks.paint(painter, view, canvas.ink)

    def _png(self) -> bytes:
        return figure.png(lambda painter, page: self._paint(painter, page, vectors=False), self._provenance())

    def _svg(self) -> bytes:
        title, told = self._map.title.text(), self._provenance()
        return figure.svg(lambda painter, page: self._paint(painter, page, vectors=True), title, told)

    # ---- the latents ----

    def _columns(self) -> Mapping[str, NDArray[np.generic]]:
        """Return what is known of each item besides its z, by the name of a column."""
        items, latents = self._map.items, self._map.latents
        assert latents is not None
        columns: dict[str, NDArray[np.generic]] = {"class": latents.labels}
        selected = self._map.canvas.points.selected
        if len(selected):
            columns["selected"] = np.isin(np.arange(len(latents.labels)), selected).astype(np.int64)
        if items is not None:
            columns |= {f"{key}_{TERMS[key][2]}": values for key, values in items.terms.items() if key in TERMS}
            columns |= {f"factor_{key}": values for key, values in items.factors.items()}
        return columns

    def _sigma(self) -> Floats:
        """Return σ of q(z|x) (items, latent); (0, latent) until it is found, and of a deterministic encoder."""
        items, latents = self._map.items, self._map.latents
        assert latents is not None
        whole = items is not None and items.sigma.shape == latents.means.shape
        return items.sigma if whole and items is not None else latents.means[:0]

    def _latents_told(self) -> dict[str, object]:
        """Return the provenance of a table: the means are the same, wherever the cursor is."""
        told = self._told({"made": "latents", "z": "mean of q(z|x), in units of the prior"})
        return {key: value for key, value in told.items() if key != "label"}

    def _csv(self) -> bytes:
        """Return a table: a first line "# " with the provenance as JSON, then names, then a row for each item."""
        latents = self._map.latents
        assert latents is not None
        columns = self._columns()
        names, sigma = [column_name(name) for name in self._map.names], self._sigma()
        head = ["index", *columns, *names, *(f"sigma_{name}" for name in names if len(sigma))]
        rest = zip(*(column.tolist() for column in columns.values()), strict=True)
        numbers = np.concatenate([latents.means, sigma], 1) if len(sigma) else latents.means
        rows = zip(rest, numbers.tolist(), strict=True)
        told = f"# {json.dumps(self._latents_told(), ensure_ascii=False)}\n".encode()
        return told + figure.rows_of([head, *([index, *facts, *z] for index, (facts, z) in enumerate(rows))])

    def _npz(self) -> bytes:
        latents = self._map.latents
        assert latents is not None
        arrays: dict[str, Any] = {**self._columns()}
        content = io.BytesIO()
        np.savez_compressed(
            content, z=latents.means, sigma=self._sigma(), names=[column_name(name) for name in self._map.names],
            kl_per_dimension_nats=latents.kl_per_dimension, split=np.array(latents.split),
            places=self._map.canvas.points.places, provenance=json.dumps(self._latents_told()), **arrays,
        )  # fmt: skip
        return content.getvalue()


def column_name(dimension: str) -> str:
    """Return the name of a dimension as programs like it: z₀ is z0, and z²₁, of the second level, z2_1."""
    level = re.sub("([⁰¹²³⁴-⁹]+)", r"\1_", dimension)
    return unicodedata.normalize("NFKC", level)
