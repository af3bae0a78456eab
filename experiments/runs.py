"""The runs of a comparison: what each is, and who does it."""

import contextlib
import dataclasses
import fcntl
import json
import os
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

TEACHER = "full_precision"
_WAIT_SECONDS = 5


def write_atomically(path: Path, text: str) -> None:
    """Writes a file that is always whole, also for another process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What all runs of a comparison have in common; see the flags of `compare_methods`."""

    data: str
    epochs: int
    stages: tuple[int, ...]
    images: int | None
    shrink: int
    crop: int
    flip: bool
    optimizer: str
    learning_rate: float
    batch_size: int

    def check(self, work: Path) -> None:
        """Raises ValueError if the folder holds a comparison with other settings."""
        path = work / "settings.json"
        mine = json.loads(json.dumps(dataclasses.asdict(self)))
        if not path.exists():
            write_atomically(path, json.dumps(mine, indent=1))
        theirs = json.loads(path.read_text())
        if mine != theirs:
            different = {k: (theirs.get(k), v) for k, v in mine.items() if theirs.get(k) != v}
            raise ValueError(
                "The folder holds a comparison with other settings; use another folder. "
                f"Received: work={str(work)!r}, (theirs, yours): {different}"
            )

    def arguments(self) -> list[str]:
        """The flags that give these settings."""
        result = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None or value is False:
                continue
            if isinstance(value, tuple):
                value = ",".join(map(str, value))
            result.append(f"--{field.name}" if value is True else f"--{field.name}={value}")
        return result


@dataclasses.dataclass(frozen=True)
class Run:
    """One method with one seed.

    Attributes:
        work: folder of the comparison.
        method: name, colon, options.
        seed: of the run.
    """

    work: Path
    method: str
    seed: int

    @property
    def folder(self) -> Path:
        """Where the run keeps its files."""
        name = re.sub(r"[^\w=,.-]", "_", self.method.replace(":", "__"))
        return self.work / "runs" / name / f"seed{self.seed}"

    @property
    def model_path(self) -> Path:
        """The trained model."""
        return self.folder / "model.keras"

    def result(self) -> dict[str, Any] | None:
        """What `save` wrote; None if the run has not finished."""
        with contextlib.suppress(FileNotFoundError):
            return json.loads((self.folder / "result.json").read_text())
        return None

    def save(self, result: dict[str, Any]) -> None:
        """Writes the result."""
        write_atomically(self.folder / "result.json", json.dumps(result, indent=1, default=float))

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        """Yields whether no other process has the run. The kernel frees the locks of the dead."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def finished_results(work: Path) -> list[dict[str, Any]]:
    """The results of all runs in a folder, also of failed ones."""
    paths = sorted((work / "runs").glob("*/seed*/result.json"))
    return [json.loads(path.read_text()) for path in paths]


def finish_runs(
    runs: Sequence[Run], settings: Settings, folder: str | None, convert: bool, retry: bool
) -> Iterator[str]:
    """Does all runs that no other process does, and waits for the others.

    Args:
        runs: in order of preference; the teachers that they need are added.
        settings: of the comparison.
        folder: of the data.
        convert: whether to convert the models, also those trained before.
        retry: whether to do failed runs again, once.

    Yields:
        A line about each run that this process has done.
    """
    from experiments.training import convert_run, load_data, make_method, train_run

    data = load_data(settings, folder)
    pending = _with_teachers(runs, make_method)
    if retry:
        for run in pending:
            with run.lock() as mine:
                if mine and "error" in (run.result() or {}):
                    (run.folder / "result.json").unlink()
    while pending:
        done = []
        for run in pending:
            result = run.result()
            if result is None and not _teacher_is_ready(run, make_method):
                continue
            with run.lock() as mine:
                if not mine:
                    continue
                result = run.result()  # another process may have finished it meanwhile
                start, report = time.perf_counter(), None
                try:
                    if result is None:
                        teacher = Run(run.work, TEACHER, run.seed)
                        result = train_run(run, settings, data, teacher)
                        report = "accuracy {:.4f}".format(result["accuracy"])
                    if convert and "error" not in result and "file_bytes" not in result:
                        result |= convert_run(run, data)
                        report = "{differing} classes of the file differ".format(**result)
                except Exception as error:  # the other methods go on; the reason is kept
                    (run.folder / "traceback.txt").write_text(traceback.format_exc())
                    reason = f"{type(error).__name__}: {error}".strip().splitlines()[0]
                    key = "error" if result is None else "conversion_error"
                    result = (result or {"method": run.method, "seed": run.seed}) | {key: reason}
                    report = f"failed: {reason}"
                if report:
                    run.save(result)
            done.append(run)
            if report:
                seconds = time.perf_counter() - start
                yield f"{run.method}, seed {run.seed}: {report} ({seconds:.0f} s)"
                break  # look at the first ones again: a teacher may have become ready
        pending = [run for run in pending if run not in done]
        if pending and not done:
            time.sleep(_WAIT_SECONDS)


def _with_teachers(runs, make_method):
    result = []
    for run in runs:
        teacher = Run(run.work, TEACHER, run.seed)
        if _needs_teacher(run, make_method) and teacher not in result:
            result.append(teacher)
        if run not in result:
            result.append(run)
    return result


def _needs_teacher(run, make_method):
    try:
        return any(method.needs_teacher for method in make_method(run.method).stages())
    except (TypeError, ValueError, SyntaxError):
        return False  # the run itself will say what is wrong with its name or options


def _teacher_is_ready(run, make_method):
    if not _needs_teacher(run, make_method):
        return True
    return Run(run.work, TEACHER, run.seed).result() is not None
