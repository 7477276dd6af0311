"""Event files for TensorBoard beside ``metrics.jsonl``, where the extra ``tensorboard`` is installed."""

import io
import os
import socket
import time
from pathlib import Path
from typing import Any

from explorer import images
from explorer.logs import log
from explorer.messages import Pixels
from explorer.training.clock import Clock, Share
from explorer.training_messages import Knobs, Measurement, Pictures

FOLDER = "tensorboard"
_MOST_WAITING = 1 << 20  # bytes
_IMAGE_SHARE = 0.005  # of the training time


class EventFiles:
    """Writes what happens in a training for TensorBoard; where that cannot be done it does nothing.

    Scalars are ``train/…`` and ``test/…`` by the names of ``messages.Measurement``, ``kl_per_dimension/zK`` and
    ``loss_by_t/first-last`` of the test split, and ``knobs/…``; images are ``samples`` and ``reconstructions``. All is
    kept in memory until ``flush``; an event file that cannot be written any more ends no training.

    Args:
        folder: the run's.
        step: where the training begins; TensorBoard forgets what older files have after it.
        clock: of the training.
        timesteps: T of a diffusion model.
        wanted: whether to write any.
    """

    def __init__(self, folder: Path, step: int, clock: Clock, timesteps: int = 0, *, wanted: bool = True) -> None:
        self._path: Path | None = None
        self._timesteps = timesteps
        self._images = Share(clock, _IMAGE_SHARE)
        if not wanted:
            return
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            return
        except Exception as error:  # noqa: BLE001  # an extra whose parts do not fit each other ends no training
            log.warning("tensorboard cannot be used: %s", error)
            return
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self._waiting = io.BytesIO()
        self._records = RecordWriter(self._waiting)
        try:
            self._path = _new_file(folder / FOLDER)
        except OSError as error:
            self._give_up(error)
        self._write(0, file_version="brain.Event:2")
        # TensorBoard keeps of older files what comes before the step of this START.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(step + 1 if step else 0, session_log=start)
        self.flush()

    def measurement(self, measurement: Measurement, knobs: Knobs) -> None:
        """Take note of a measurement, and where the knobs stood then; β where the model has one."""
        split = measurement.split
        scalars = {f"{split}/{name}": value for name, value in measurement.values.items()}
        if split == "test":
            scalars |= {f"kl_per_dimension/z{k}": value for k, value in enumerate(measurement.kl_per_dimension)}
            scalars |= self._by_t(measurement.per_t)
        else:
            scalars |= {"knobs/beta": knobs.beta} if knobs.beta is not None else {}
            scalars["knobs/rate"] = knobs.rate
        self._values(measurement.step, [{"tag": tag, "simple_value": value} for tag, value in scalars.items()])

    def _by_t(self, per_t: tuple[float, ...]) -> dict[str, float]:
        edges = [1 + -(-part * self._timesteps // len(per_t)) for part in range(len(per_t) + 1)] if per_t else []
        return {f"loss_by_t/{edges[k]}-{edges[k + 1] - 1}": value for k, value in enumerate(per_t)}

    def pictures(self, pictures: Pictures, *, last: bool = False) -> None:
        """Take note of pictures, as often as their share of the time allows, and of the ``last`` in any case."""
        if self._path is None or not (last or self._images.left):
            return
        shown = {"samples": pictures.samples, "reconstructions": pictures.reconstructions}
        with self._images.spending():
            self._values(pictures.step, [self._image(tag, found) for tag, found in shown.items() if len(found)])

    def _image(self, tag: str, pictures: Pixels) -> dict[str, Any]:
        sheet = images.tile(pictures)  # not enlarged: a record's checksum is Python, byte by byte
        height, width, channels = sheet.shape
        content = images.png_bytes(sheet)
        image = self._summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=content)
        return {"tag": tag, "image": image}

    def _values(self, step: int, values: list[dict[str, Any]]) -> None:
        if self._path is not None:
            self._write(step, summary=self._summary(value=[self._summary.Value(**value) for value in values]))

    def _write(self, step: int, **what: Any) -> None:
        if self._path is None:
            return
        self._records.write(self._event(wall_time=time.time(), step=step, **what).SerializeToString())
        if self._waiting.tell() > _MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what is in memory. Between two of these no file is open, so that the folder can be moved or deleted."""
        if self._path is None:
            return
        try:
            with self._path.open("ab") as file:
                file.write(self._waiting.getvalue())
        except OSError as error:
            self._give_up(error)
        self._waiting.seek(0)
        self._waiting.truncate()

    def _give_up(self, error: OSError) -> None:
        log.warning("no more event files for TensorBoard: %s", error)
        self._path = None


def _new_file(folder: Path) -> Path:
    """Make an event file whose name comes after those of all others there: TensorBoard reads them by name."""
    folder.mkdir(exist_ok=True)
    names = [path.name.split(".") for path in folder.glob("events.out.tfevents.*")]
    latest = max((int(parts[3]) for parts in names if parts[3].isdecimal()), default=0)
    second = max(int(time.time()), latest + 1)
    path = folder / f"events.out.tfevents.{second:010d}.{socket.gethostname()}.{os.getpid()}"
    path.open("xb").close()
    return path
