"""Pictures as a file that says what they are: rows with their names, the values below."""

import itertools
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter

from explorer import images
from explorer.messages import Pixels
from explorer.ui import theme
from explorer.ui.picture_grid import to_image

_MARGIN, _GAP, _NAME_GAP = 14, 2, 8  # pixels
_TEXT, _CAPTION = 13, 22  # pixels: of the letters, of the line below a row

Flag = Qt.AlignmentFlag


def labelled(
    rows: Pixels,
    names: Sequence[str],
    captions: Sequence[Sequence[str]],
    colors: theme.Colors,
    wanted: int = 64,
) -> Pixels:
    """Return pictures (rows, columns, height, width, channels) as one, (height, width, 3), in any thread.

    Every pixel becomes a square of whole pixels, so the pictures can be cut out of it exactly.

    Args:
        rows: the pictures.
        names: of the rows, written at the left; nothing for none.
        captions: of each row, written below its pictures; an empty one takes no room.
        colors: of background and texts.
        wanted: about how wide a picture becomes, in pixels.
    """
    factor = images.factor_for(rows.shape[3], wanted)
    high, wide = factor * rows.shape[2], factor * rows.shape[3]
    font = theme.font(_TEXT, tabular=True)
    metrics = QFontMetricsF(font)
    left = _MARGIN + round(max((metrics.horizontalAdvance(name) + _NAME_GAP for name in names), default=0))
    steps = [high + (_CAPTION if texts else _GAP) for texts in captions]
    tops = [_MARGIN, *(_MARGIN + end for end in itertools.accumulate(steps))]
    width = left + rows.shape[1] * (wide + _GAP) - _GAP + _MARGIN
    image = QImage(width, tops[-1] - _GAP + _MARGIN, QImage.Format.Format_RGB888)
    image.fill(QColor(colors.panel))
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor(colors.text))
    for row, (top, texts) in enumerate(zip(tops, captions, strict=False)):
        if len(names):
            where = QRectF(0, top, left - _NAME_GAP, high)
            painter.drawText(where, Flag.AlignRight | Flag.AlignVCenter, names[row])
        for column, picture in enumerate(rows[row]):
            corner = QPoint(left + column * (wide + _GAP), top)
            painter.drawImage(corner, to_image(images.enlarge(picture, factor)))
            if texts:
                below = QRectF(corner.x() - _MARGIN, top + high, wide + 2 * _MARGIN, _CAPTION - 2)
                painter.drawText(below, Flag.AlignCenter, texts[column])
    painter.end()
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()
