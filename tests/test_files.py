"""Files that the library writes: whole or not at all, and in the place that was named."""

import ast
import os
import stat
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

import skinfluence
from skinfluence.report import replaced_whole, write_whole

posix = pytest.mark.skipif(sys.platform == "win32", reason="links, modes and pipes of POSIX")


def test_text_is_written_as_utf8_with_plain_line_ends(tmp_path):
    write_whole(tmp_path / "page.html", "θ = 1\n")
    assert (tmp_path / "page.html").read_bytes() == "θ = 1\n".encode()
    assert os.listdir(tmp_path) == ["page.html"]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")

    def interrupted():
        with replaced_whole(path) as new:
            new.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["page.html"]


def test_the_longest_name_of_a_file_can_be_written(tmp_path):
    path = tmp_path / ("x" * 250 + ".html")
    write_whole(path, "new")
    assert path.read_text() == "new"


def test_compression_follows_the_suffix(tmp_path):
    with replaced_whole(tmp_path / "found.csv.gz") as new:
        pd.DataFrame({"x": [1]}).to_csv(new, index=False)
    assert (tmp_path / "found.csv.gz").read_bytes()[:2] == b"\x1f\x8b"


@posix
def test_links_are_followed(tmp_path):
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    target.write_text("old")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_modes_are_kept(tmp_path, mode):
    path = tmp_path / "page.html"
    path.touch()
    path.chmod(mode)
    write_whole(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_text() == "new"


@posix
def test_new_files_have_the_usual_mode(tmp_path):
    (tmp_path / "usual").touch()
    write_whole(tmp_path / "page.html", "new")
    usual, new = (tmp_path / name for name in ("usual", "page.html"))
    assert new.stat().st_mode == usual.stat().st_mode


@posix
def test_a_pipe_is_written_to(tmp_path):
    path, read = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_text()), daemon=True)
    reader.start()
    write_whole(path, "new")
    reader.join(timeout=10)
    assert read == ["new"]
    assert stat.S_ISFIFO(path.stat().st_mode)


@posix
def test_devices_are_written_to():
    write_whole("/dev/null", "new")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_what_the_process_prints_to_is_written_to(tmp_path):
    path = tmp_path / "printed"
    with path.open("w") as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            before = path.stat().st_ino
            write_whole("/dev/stdout", "new")
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert path.read_text() == "new"
    assert path.stat().st_ino == before


def test_one_function_opens_files_for_writing():
    """Text goes through ``write_whole``; tables to a path that ``replaced_whole`` yields."""
    package = Path(skinfluence.__file__).parent
    writers = {"write_text", "write_bytes", "savefig", "to_csv", "dump"}
    allowed = {
        "report/_files.py": {"write_text"},
        "report/_plots.py": {"savefig"},  # into memory
        "command_line/_audit.py": {"to_csv"},
        "command_line/_explain.py": {"to_csv"},
    }
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        name = path.relative_to(package).as_posix()
        assert named & writers == allowed.get(name, set()), name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "open":
                modes = {part.value for part in node.args[1:] if isinstance(part, ast.Constant)}
                assert modes == {"rb"}, f"{name}:{node.lineno}"
