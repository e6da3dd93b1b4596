"""Shared fixtures: a fresh platform folder, the real logs, and real servers started for the test on free ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from feature_repo.home import Home
from serving.seldom import SELDOM
from serving.settings import silence_telemetry, yield_cores
from tests.examples import profiles
from tests.worlds.copied import copied
from tests.worlds.postgres_cluster import as_its_user, given_to_its_user, program

yield_cores()  # tests run side by side
os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # a second thread of a fit would only wait for the core of another test
silence_telemetry()  # and forget what Feast told the process that started this one
profiles()
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # commands under test would compile everything that they import, each time
pytest_plugins = ["tests.cpu_seconds"]
ROOT = Path(__file__).resolve().parents[1]
REQUIRE_SERVERS = os.environ.get("PLACARD_TEST_REQUIRE_SERVERS") == "1"
"""Set by .ci/run: a missing server or log is then a failure, not a skip."""


LONGEST = (
    "tests/e2e/test_closed_loop.py",
    "tests/e2e/test_readme.py",
    "tests/pipelines/promotion/test_model_life.py",
    "tests/e2e/test_scheduler.py",
    "tests/e2e/test_real_input.py",
    "tests/pipelines/features/test_days_repeat.py",
    "tests/serving/worker/test_swap_under_load.py",
    "tests/serving/worker/test_rolled_back_under_load.py",
    "tests/pipelines/features/test_history.py",
    "tests/e2e/test_up.py",
)
"""Files that one process runs for long: they come first, so that the processes of a run end together. Those of `make slow` and those of
`make test`, the longest of each first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(file) if (file := item.nodeid.split("::")[0]) in LONGEST else len(LONGEST))


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Verbs and servers that run in the process of the tests make their files private: the files of the next test are made as usual."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def absent(what: str, how: str) -> None:
    """Skips with a clear line; fails where the run demands real servers."""
    if REQUIRE_SERVERS:
        pytest.fail(f"{what} is not installed and this run requires it: {how}")
    pytest.skip(f"{what} is not installed: {how}")


def wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it was ready")
        if ready():
            return
        time.sleep(0.05)
    raise TimeoutError(f"{process.args!r} was not ready after {seconds} s")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh platform."""
    return Home(tmp_path / "placard")


@pytest.fixture(scope="session")
def real_logs() -> Path:
    """The folder of real logs beside the checkout (or PLACARD_TEST_DATA)."""
    folder = Path(os.environ.get("PLACARD_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real logs are not here: set PLACARD_TEST_DATA or place them in {folder}")
    return folder


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A redis-server of our own on a free loopback port, which keeps its files in the folder: its process and the port."""
    binary = shutil.which("redis-server")
    if binary is None:
        absent("redis-server", "apt-get install redis-server")
        return
    port = free_port()
    process = subprocess.Popen(
        [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: listens(port), process)
        yield process, port
    finally:
        process.send_signal(signal.SIGCONT)  # a test may have stopped it
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A redis-server that keeps nothing."""
    with redis_server(tmp_path_factory.mktemp("redis"), "--appendonly", "no") as (_, port):
        yield port


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis Cluster of three nodes without replicas: redis+cluster://127.0.0.1:PORT."""
    with ExitStack() as running:
        ports = []
        for n in range(3):
            options = ("--appendonly", "no", "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            ports.append(running.enter_context(redis_server(tmp_path_factory.mktemp(f"node{n}"), *options))[1])
        nodes = [f"127.0.0.1:{port}" for port in ports]
        subprocess.run(["redis-cli", "--cluster", "create", *nodes, "--cluster-yes"], check=True, capture_output=True)
        deadline = time.monotonic() + 120
        while any(b"cluster_state:ok" not in _cluster_info(port) for port in ports):
            assert time.monotonic() < deadline, "the nodes never agreed"
            time.sleep(0.1)
        yield f"redis+cluster://{nodes[0]}"


def _cluster_info(port: int) -> bytes:
    return subprocess.run(["redis-cli", "-p", str(port), "cluster", "info"], check=True, capture_output=True).stdout


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own on a free loopback port: postgresql+psycopg://placard@127.0.0.1:PORT/postgres."""
    initdb, server = program("initdb"), program("postgres")
    if initdb is None or server is None:
        absent("postgres", "apt-get install postgresql")
        return
    folder, port = tmp_path_factory.mktemp("postgres"), free_port()
    if os.geteuid() == 0:  # the server does not run as root, but must reach its folder
        for parent in [folder, *folder.parents]:
            if parent.stat().st_uid == 0 and parent != Path("/") and parent != Path("/tmp"):
                parent.chmod(parent.stat().st_mode | 0o011)
    copied("tests.worlds.postgres_cluster", folder / "data", initdb)
    given_to_its_user(folder)
    process = subprocess.Popen(
        [*as_its_user(), server, "-D", f"{folder}/data", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        wait_for(lambda: listens(port), process)
        yield f"postgresql+psycopg://placard@127.0.0.1:{port}/postgres"
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="session")
def onnx_folder() -> Callable[..., Path]:
    """Writes a sentence encoder: words, each with a vector (words, dim), the first two being the padding and the unknown word.
    output: whether it gives tokens or the whole text (the sum of its tokens); beside: keep its weights in a file of their own."""

    def write(folder: Path, words: list[str], vectors: np.ndarray, output: str = "last_hidden_state", beside: bool = False) -> Path:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
        from tokenizers import Tokenizer
        from tokenizers.models import WordLevel
        from tokenizers.normalizers import Lowercase
        from tokenizers.pre_tokenizers import Whitespace

        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token=words[1]))
        tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
        tokenizer.add_special_tokens([words[0]])
        tokenizer.enable_padding(length=32, pad_id=0, pad_token=words[0])
        tokenizer.save(str(folder / "tokenizer.json"))
        whole, width = output != "last_hidden_state", vectors.shape[1]
        nodes = [helper.make_node("Gather", ["vectors", "input_ids"], ["tokens" if whole else output])]
        if whole:
            nodes += [
                helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
                helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
                helper.make_node("Mul", ["tokens", "weights"], ["kept"]),
                helper.make_node("ReduceSum", ["kept", "second"], [output], keepdims=0),
            ]
        ids = [helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "length"]) for n in ("input_ids", "attention_mask")]
        out = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", width] if whole else ["batch", "length", width])
        fixed = [numpy_helper.from_array(np.asarray(vectors, np.float32), "vectors")]
        fixed += [numpy_helper.from_array(np.array([n]), name) for name, n in (("last", 2), ("second", 1))]
        graph = helper.make_graph(nodes, "encoder", ids, [out], fixed)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, folder / "model.onnx", save_as_external_data=beside, location="model.onnx_data", size_threshold=0)
        return folder

    return write


@pytest.fixture(scope="session")
def placard() -> Path:
    """The installed command."""
    return Path(sys.executable).with_name("placard")


@pytest.fixture(autouse=True)
def every_line() -> None:
    """Each test reads a log that has been silent: what another test's part wrote within the last minute keeps no line from it."""
    SELDOM.start_anew()
