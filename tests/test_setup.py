"""Setting up: one command, once; what is missing is named, in both languages; versions are pinned."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.chromium import missing_libraries, start

ROOT = Path(__file__).resolve().parents[1]
SYSTEM = ("sh", "awk", "basename", "cat", "cmp", "df", "dirname", "env", "grep", "id", "rm", "sed", "tail")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A fresh clone's set-up part, on a machine that has `bin/` and nothing else. Nothing is to be installed."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copytree(ROOT / "tools", clone / "tools")
    shutil.copytree(ROOT / "locales", clone / "locales")
    for name in ("requirements.txt", "requirements-detector.txt", "requirements-test.txt"):
        (clone / name).write_text("# nothing\n")
    (clone / "bin").mkdir()
    for tool in SYSTEM:
        found = shutil.which(tool)
        assert found is not None, tool
        program(clone, tool, f'exec {found} "$@"')
    return clone


def set_up(machine: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "tools" / (words[0] + ".sh"), *words[1:]],
        env={"PATH": str(machine / "bin"), "HOME": str(machine), "LANG": "en_US.UTF-8", "DISK_GB": "0"} | environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=machine,
    )


def program(machine: Path, name: str, script: str) -> None:
    path = machine / "bin" / name
    assert not path.is_symlink(), "writing would change the system's own program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def real_python(machine: Path) -> None:
    program(machine, "python3", f'exec {getattr(sys, "_base_executable", sys.executable)} "$@"')


def test_libraries_are_installed_once_then_only_on_change_and_a_failure_says_where_to_look(machine: Path) -> None:
    real_python(machine)
    first = set_up(machine, "setup", "run")
    assert first.returncode == 0, first.stderr
    assert "Installing" in first.stdout
    again = set_up(machine, "setup", "run")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    assert "Installing" in set_up(machine, "setup", "test").stdout
    assert set_up(machine, "setup", "test").stdout == ""
    (machine / "requirements.txt").write_text("# something new\n")
    assert "Installing" in set_up(machine, "setup", "run").stdout

    (machine / "requirements-detector.txt").write_text("# another\n")
    assert "Installing" in set_up(machine, "setup", "run").stdout

    (machine / "requirements.txt").write_text("./no-such-package\n")
    refused = set_up(machine, "setup", "run")
    assert refused.returncode == 1
    assert "no-such-package" in refused.stderr
    assert ".venv/install.log" in refused.stderr


def test_a_checkout_that_was_moved_gets_an_environment_that_works_where_it_is_now(machine: Path) -> None:
    """The scripts in .venv/bin begin with the path of their Python."""
    real_python(machine)
    assert set_up(machine, "setup", "run").returncode == 0
    moved = machine.rename(machine.with_name("moved"))
    done = set_up(moved, "setup", "run")
    assert done.returncode == 0, done.stderr
    first = (moved / ".venv" / "bin" / "pip").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(f"#!{moved}/"), first
    assert set_up(moved, "setup", "run").stdout == ""


def test_an_environment_that_is_a_link_to_another_checkout_s_is_left_alone(machine: Path) -> None:
    real_python(machine)
    other = machine.with_name("other")
    (other / "lib").mkdir(parents=True)
    (machine / ".venv").symlink_to(other)
    assert set_up(machine, "setup", "run").returncode == 0
    assert [entry.name for entry in other.iterdir()] == ["lib"]
    assert not (machine / ".venv").is_symlink()


def test_a_machine_without_python_is_told_how_to_get_it(machine: Path) -> None:
    refused = set_up(machine, "setup", "run")
    assert refused.returncode == 1
    assert "Python 3.11" in refused.stderr
    assert "python.org" in refused.stderr


def test_a_python_that_is_too_old_is_as_good_as_none(machine: Path) -> None:
    program(machine, "python3", "exit 1")
    program(machine, "apt-get", "exit 1")
    program(machine, "id", "echo 1000")
    refused = set_up(machine, "setup", "run")
    assert "sudo apt install python3 python3-venv" in refused.stderr


def test_a_python_without_its_venv_module_is_told_which_package_has_it(machine: Path) -> None:
    program(machine, "python3", 'case "$2" in *ensurepip*) exit 1 ;; esac')
    program(machine, "apt-get", "exit 1")
    program(machine, "id", "echo 1000")
    refused = set_up(machine, "setup", "run")
    assert refused.returncode == 1
    assert "sudo apt install python3-venv" in refused.stderr


def test_too_little_disk_is_told_before_anything_is_fetched(machine: Path) -> None:
    real_python(machine)
    refused = set_up(machine, "setup", "run", DISK_GB="9000000")
    assert refused.returncode == 1
    assert "9000000 GB" in refused.stderr
    assert not (machine / ".venv").exists()


def test_the_scripts_speak_arabic_to_operators_who_do(machine: Path) -> None:
    assert "يلزم Python 3.11" in set_up(machine, "setup", "run", BASIRA_LANG="ar").stderr
    assert "يلزم Python 3.11" in set_up(machine, "setup", "run", LANG="ar_SA.UTF-8").stderr


def test_without_chromium_the_tests_do_not_begin(machine: Path) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    program(machine, "../.venv/bin/python", "exit 1")
    refused = set_up(machine, "chromium")
    assert refused.returncode == 1
    assert "playwright install chromium" in refused.stderr


def test_chromium_is_fetched_through_apt_where_that_is_allowed(machine: Path) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    program(machine, "../.venv/bin/python", "[ -e installed ]")
    program(machine, "id", "echo 0")
    program(machine, "apt-get", 'case "$*" in *"install"*chromium*) echo >installed ;; esac')
    done = set_up(machine, "chromium")
    assert done.returncode == 0, done.stderr


def test_without_the_right_to_install_the_command_for_chromium_is_named(machine: Path) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    program(machine, "../.venv/bin/python", "exit 1")
    program(machine, "id", "echo 1000")
    program(machine, "apt-get", "exit 1")
    refused = set_up(machine, "chromium")
    assert refused.returncode == 1
    assert "sudo apt install chromium libatomic1" in refused.stderr


def test_root_is_not_told_to_use_sudo_which_a_minimal_system_lacks(machine: Path) -> None:
    program(machine, "python3", "exit 1")
    program(machine, "apt-get", "exit 1")
    program(machine, "id", "echo 0")
    refused = set_up(machine, "setup", "run")
    assert "apt install python3 python3-venv" in refused.stderr
    assert "sudo" not in refused.stderr


def test_a_chromium_or_a_driver_that_does_not_start_is_named_with_what_it_lacks(machine: Path) -> None:
    (machine / ".venv" / "bin").mkdir(parents=True)
    program(machine, "../.venv/bin/python", "echo libatomic.so.1; exit 1")
    program(machine, "id", "echo 0")
    program(machine, "apt-get", "exit 0")
    refused = set_up(machine, "chromium")
    assert refused.returncode == 1
    assert "libatomic.so.1" in refused.stderr
    assert "apt install chromium libatomic1" in refused.stderr


def test_the_browser_that_the_tests_use_starts_here() -> None:
    assert missing_libraries() == []
    assert start() is not None


def test_make_lists_what_it_can_do() -> None:
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = set(re.findall(r"^make (\w+)", listed, re.MULTILINE))
    assert {"run", "test", "lint", "screenshots", "conformance", "benchmarks", "clean"} <= targets


def test_what_a_change_must_pass_is_lint_and_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().split()[-4:] == ["make", "lint", "make", "test"]


def pins(name: str) -> dict[str, Requirement]:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    found = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-detector.txt", "requirements-test.txt"])
def test_every_version_is_pinned(name: str) -> None:
    for requirement in pins(name).values():
        assert re.fullmatch(r"==[0-9][\w.!]*", str(requirement.specifier)), requirement


def test_what_is_installed_is_what_is_pinned_and_all_of_it_is() -> None:
    """Down to what the libraries themselves need: nothing moves by itself. CUDA's libraries come with torch."""
    pinned = pins("requirements.txt") | pins("requirements-test.txt")
    alone = pins("requirements-detector.txt")  # installed for one file, without what it asks for
    for name, requirement in (pinned | alone).items():
        if requirement.marker is None or requirement.marker.evaluate():
            installed = metadata.version(name).split("+")[0]
            assert requirement.specifier.contains(installed), requirement
    needed = {canonicalize_name(needed.name) for name in pinned for needed in needs(name)}
    assert {n for n in needed - pinned.keys() if not n.startswith(("nvidia-", "cuda-", "triton"))} == set()


def needs(name: str) -> list[Requirement]:
    try:
        listed = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # pinned for another version of Python
        return []
    return [r for r in map(Requirement, listed) if r.marker is None or r.marker.evaluate({"extra": ""})]


def test_the_container_opens_its_own_interfaces_only_and_keeps_no_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert any("127.0.0.1:7860:7860" in line for line in lines)
    assert any(line.startswith("USER basira") for line in lines)
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
    folders = {"app", "assets", "dicom", "locales", "model", "storage"}
    assert copied == folders | {"requirements.txt", "requirements-detector.txt"}
