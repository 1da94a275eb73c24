from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.audience.secrets import LENGTH, MOST, Keys, add_secret, load_secrets
from pipeline.errors import ConfigError

SECRET = bytes(range(LENGTH))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a secret that is not there yet."""
    return tmp_path / "data" / "secret.key"


def write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Put a secret in place."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    file.chmod(mode)


def test_a_secret_is_made_once_and_for_its_owner_only(file: Path) -> None:
    """The second reading gives what the first made, and nothing else is left behind."""
    first = load_secrets(file)

    assert [len(secret) for secret in first] == [LENGTH]
    assert load_secrets(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_no_two_workspaces_share_a_secret(tmp_path: Path) -> None:
    """It comes from the system's randomness."""
    assert load_secrets(tmp_path / "a") != load_secrets(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o644, 0o601])
def test_a_secret_that_others_can_read_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    """Whoever reads it can forge links; the message says what to type."""
    write(file, SECRET.hex().encode(), mode)

    with pytest.raises(ConfigError, match=f"run: chmod 600 {file}"):
        load_secrets(file)


@pytest.mark.parametrize("content", [SECRET.hex().encode(), SECRET.hex().upper().encode() + b"\n"])
def test_a_restored_secret_is_read(file: Path, content: bytes) -> None:
    """With or without a line end, in either case."""
    write(file, content)

    assert load_secrets(file) == (SECRET,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        SECRET,
        SECRET.hex()[:-2].encode(),
        b"x" * 64,
        SECRET.hex().encode() * 20,
        (SECRET.hex().encode() + b"\n") * (MOST + 1),
    ],
)
def test_a_damaged_secret_is_refused_and_not_shown(file: Path, content: bytes) -> None:
    """It is not replaced by a new one, and no part of it reaches a terminal or a log."""
    write(file, content)

    with pytest.raises(ConfigError, match="damaged") as refusal:
        load_secrets(file)

    assert file.read_bytes() == content
    assert SECRET.hex()[:8] not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


def test_a_secret_that_must_be_there_is_not_made(file: Path) -> None:
    """Beside an old database a new secret would break every link that was sent."""
    with pytest.raises(ConfigError, match="restore it from a backup"):
        load_secrets(file, create=False)

    assert not file.parent.exists()


def test_a_folder_in_its_place_is_an_error_of_ours(tmp_path: Path) -> None:
    """No exception of the system comes out."""
    with pytest.raises(ConfigError, match="cannot be used"):
        load_secrets(tmp_path)


def test_processes_that_start_at_once_agree(file: Path) -> None:
    """One of them makes the secret for all."""
    program = """
import sys
from pathlib import Path
from pipeline.audience.secrets import load_secrets
print(load_secrets(Path(sys.argv[1]))[0].hex())
"""
    command = [sys.executable, "-c", program, str(file)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    said = {process.communicate()[0] for process in running}

    assert said == {f"{load_secrets(file)[0].hex()}\n"}
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_keys_of_two_purposes_have_nothing_in_common() -> None:
    """A token for one thing is worth nothing for another."""
    keys = Keys((SECRET,))

    assert len(keys.derive("a")) == LENGTH
    assert len({keys.derive("a"), keys.derive("b"), Keys((SECRET[::-1],)).derive("a")}) == 3
    assert keys.derive("a") == Keys((SECRET,)).derive("a")


def test_keys_do_not_print_themselves() -> None:
    """A traceback or a log line shows nothing of the secret."""
    shown = repr(Keys((SECRET,)))

    assert "secret" not in shown
    assert SECRET.hex()[:8] not in shown
    assert repr(SECRET)[2:10] not in shown


def test_a_secret_is_added_and_the_older_ones_stay(file: Path) -> None:
    """The newest signs; what the first signed can still be read."""
    first = load_secrets(file)

    assert add_secret(file) == 2

    assert load_secrets(file)[:1] == first
    keys = Keys(load_secrets(file))
    assert (keys.oldest, keys.newest, list(keys.numbers)) == (1, 2, [1, 2])
    assert keys.derive("a", 1) == Keys(first).derive("a") != keys.derive("a", 2)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_no_secret_is_added_without_a_number_for_it(file: Path) -> None:
    """A token has one byte for it."""
    write(file, (SECRET.hex().encode() + b"\n") * MOST)

    with pytest.raises(ConfigError, match="have no number"):
        add_secret(file)
