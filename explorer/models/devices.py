"""CUDA, MPS or CPU: what there is, what was asked for, and whether bfloat16 pays."""

import contextlib
import platform
import threading
import time
from collections.abc import Callable

import psutil
import torch

from explorer.errors import DeviceError
from explorer.messages import DeviceReport

_MPS_LOCK = threading.RLock()


def available() -> list[str]:
    """Return the devices of this machine, best first: every "cuda:N", "mps", and always "cpu"."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*found, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def resolve(name: str) -> torch.device:
    """Return the device of a setting: "auto" (the best there is), "cpu", "mps", "cuda" or "cuda:N".

    Raises:
        DeviceError: this machine does not have it; the message lists what it has.
    """
    known = available()
    if name == "auto":
        return torch.device(known[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in known:
        raise DeviceError(f"there is no device {name} here; this machine has {', '.join(known)}, or use auto")
    return torch.device(wanted)


def label(device: torch.device) -> str:
    """Return the device's name for people, such as "CUDA · NVIDIA H200"."""
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return f"MPS · {platform.processor() or 'Apple'}"
    threads = torch.get_num_threads()
    return f"CPU · {threads} thread{'s' if threads > 1 else ''}"


def memory(device: torch.device) -> int:
    """Return the bytes that torch holds on a device; of the CPU, what the whole process has in memory."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return int(psutil.Process().memory_info().rss)


def report() -> DeviceReport:
    """Return the devices of this machine and the one that auto takes."""
    chosen = resolve("auto")
    return DeviceReport(str(chosen), label(chosen), tuple(available()))


def lock(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return what to hold for one step or request: two threads that run MPS operations abort the process."""
    return _MPS_LOCK if device.type == "mps" else contextlib.nullcontext()


def autocast(device: torch.device) -> torch.autocast:
    """Return the context in which a step runs in bfloat16."""
    return torch.autocast(device.type, torch.bfloat16)


def choose_precision(wanted: str, device: torch.device, step: Callable[[str], None]) -> str:
    """Return "float32" or "bfloat16": as wanted, or for "auto" the one whose steps are clearly (1.2 ×) faster.

    Args:
        wanted: the setting.
        device: where the steps run.
        step: runs one training step on a copy of the model at the precision it is given.
    """
    if wanted != "auto":
        return wanted
    if not _has_bfloat16(device):
        return "float32"
    best = {"float32": float("inf"), "bfloat16": float("inf")}
    for attempt in range(6):  # A B A B: the machine may be busy in between
        for precision in tuple(best):
            began = time.perf_counter()
            step(precision)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if attempt > 1:
                best[precision] = min(best[precision], time.perf_counter() - began)
    return "bfloat16" if best["float32"] > 1.2 * best["bfloat16"] else "float32"


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
