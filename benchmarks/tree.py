"""Tree: a checkout of Ringback with an environment of its own, and a store that holds events before it is measured."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from benchmarks.machine import ROOT, Bench, BenchError, Cores, Store

_REPORT: Final = "mocean/delivery-report"  # all requests of the load are such
_AT_ONCE: Final = 50_000  # they are made before they are committed, so this bounds the memory that takes
_FILL_S: Final = 60.0
_COMMAND: Final = (
    "import json, pathlib, sys; from ringback.run.store import command; folder = pathlib.Path(sys.argv[1]); "
    "print(json.dumps(command(folder, pathlib.Path(sys.argv[2]))))"
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout; what it runs is run by its own interpreter."""

    root: Path
    python: str

    @classmethod
    def own(cls) -> "Tree":
        """Return the checkout that this program is of."""
        return cls(ROOT, sys.executable)

    @classmethod
    def at(cls, root: Path) -> "Tree":
        """Return another checkout. Raises BenchError where its environment is missing."""
        python = root / ".venv" / "bin" / "python"
        if not python.exists():
            raise BenchError(f"{root} has no .venv/bin/python: make its environment first (make .venv/.bench)")
        return cls(root.resolve(), str(python.absolute()))

    @property
    def name(self) -> str:
        """Its folder and commit; `+` where something is not committed."""
        asked = ["git", "-C", str(self.root), "describe", "--always", "--dirty=+", "--exclude=*"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
        return f"{self.root.name} {said}".strip()

    @property
    def environment(self) -> dict[str, str]:
        """What its programs need so that they import from it, and not from the folder that they are started in."""
        return {"PYTHONPATH": str(self.root), "PYTHONSAFEPATH": "1"}

    def store_command(self, folder: Path) -> list[str]:
        """Return the command by which this checkout's `ringback up` starts its store. Raises BenchError."""
        asked = [self.python, "-c", _COMMAND, str(folder), str(folder / "valkey.sock")]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{self.name} has no store of ours: {done.stderr.strip()}")
        return cast("list[str]", json.loads(done.stdout))


@dataclass(frozen=True, slots=True)
class FilledStore:
    """A store's files with `events` committed by a tree's own script, of which each measurement gets a copy."""

    tree: Tree
    folder: Path
    options: Sequence[str]

    @classmethod
    def prepare(cls, bench: Bench, tree: Tree, events: int, options: Sequence[str] = ()) -> "FilledStore":
        """Fill a store; `options` are added to those of the tree's own store whenever it is used."""
        folder = bench.folder / f"filled-{len(list(bench.folder.glob('filled-*')))}"
        folder.mkdir()
        with bench.stored(tree.store_command(folder)) as store:
            # Beside the store, on the core that nothing is measured on yet.
            beside = replace(bench, cores=Cores(bench.cores.rest, bench.cores.measured))
            for start in range(0, events, _AT_ONCE):
                some = str(min(_AT_ONCE, events - start))
                words = ("-m", "benchmarks.commits", store.url, _REPORT, some, "--group", "256", "--connections", "2")
                beside.load([tree.python, *words], _FILL_S, **tree.environment)
            store.rewrite()
        return cls(tree, folder, options)

    @contextmanager
    def opened(self, bench: Bench) -> Iterator[Store]:
        """Run a store on a copy of the files, with the settings that the tree's own store has."""
        copy = Path(tempfile.mkdtemp(prefix="open-", dir=bench.folder))
        shutil.copytree(self.folder, copy, copy_function=_taken, dirs_exist_ok=True)
        try:
            with bench.stored([*self.tree.store_command(copy), *self.options]) as store:
                yield store
        finally:
            shutil.rmtree(copy)


def _taken(source: str, copy: str) -> str:
    """Copy a file; one that a store only ever reads is linked, so that the disk is quiet when measuring begins."""
    if source.endswith(".base.rdb"):
        os.link(source, copy)
        return copy
    return shutil.copy2(source, copy)
