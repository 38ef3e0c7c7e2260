"""Verification refuses whatever is not exactly what was signed, and needs nothing but the public key."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from pophealth.delivery.sign import fingerprint, load_public_key, load_signing_key, public_key_of
from pophealth.delivery.verify import signer_of, verify_delivery
from pophealth.errors import ConfigError, IntegrityError, UsageError
from test_support import deliveries

PUBLIC = public_key_of(deliveries.KEY)
FORGER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    deliveries.deliver(root)
    return root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A delivery that a test may spoil."""
    root = Path(shutil.copytree(made, tmp_path / "site"))
    return root / "deliveries" / deliveries.RUN / deliveries.NETWORK


def test_what_was_delivered_is_accepted(folder: Path) -> None:
    assert verify_delivery(folder) == verify_delivery(folder, PUBLIC) == [folder]
    assert verify_delivery(folder.parent, PUBLIC) == [folder]
    assert signer_of(folder) == PUBLIC


def test_it_is_accepted_over_a_path_that_is_not_plain(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert verify_delivery(Path()) == [Path()]
    assert verify_delivery(folder / "practices" / "..")


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def swap(one: Path, two: Path) -> None:
    beside = one.with_name("beside")
    one.rename(beside)
    two.rename(one)
    beside.rename(two)


def to_link(path: Path) -> None:
    real = path.parents[4] / "moved"
    path.rename(real)
    path.symlink_to(real)


SPOILED: dict[str, Callable[[Path], object]] = {
    "an extra file": lambda d: (d / "extra.txt").write_text("x"),
    "an extra file below": lambda d: (d / "practices" / "A81001" / "extra").write_text("x"),
    "an extra hidden file": lambda d: (d / ".extra").write_text("x"),
    "an extra empty folder": lambda d: (d / "empty").mkdir(),
    "a missing file": lambda d: (d / "members.arrow").unlink(),
    "a missing practice": lambda d: shutil.rmtree(d / "practices" / "A81002"),
    "a renamed file": lambda d: (d / "members.arrow").rename(d / "member.arrow"),
    "a file of another case": lambda d: (d / "members.arrow").rename(d / "MEMBERS.arrow"),
    "swapped files": lambda d: swap(d / "members.arrow", d / "patients.arrow"),
    "swapped practices": lambda d: swap(d / "practices" / "A81001", d / "practices" / "A81002"),
    "a flipped first bit": lambda d: flip(d / "members.arrow", 0),
    "a flipped last bit": lambda d: flip(d / "evidence.arrow", -1),
    "a flipped bit in the middle": lambda d: flip(d / "patients.arrow", 600),
    "a truncated file": lambda d: os.truncate(d / "members.arrow", 100),
    "an emptied file": lambda d: os.truncate(d / "summary.json", 0),
    "a link to a file": lambda d: to_link(d / "members.arrow"),
    "a link to a folder": lambda d: to_link(d / "practices"),
    "an extra link": lambda d: (d / "link").symlink_to("/dev/null"),
    "a link into nothing": lambda d: (d / "link").symlink_to("nowhere"),
    "a pipe": lambda d: os.mkfifo(d / "pipe"),
    "no mark": lambda d: (d / "COMMITTED").unlink(),
    "no signature": lambda d: (d / "MANIFEST.sig").unlink(),
    "another mark": lambda d: (d / "COMMITTED").write_text("0" * 64 + "\n"),
    "a padded mark": lambda d: (d / "COMMITTED").write_text((d / "COMMITTED").read_text() + "\n"),
    "a spoiled signature": lambda d: flip(d / "MANIFEST.sig", 3),
    "a short signature": lambda d: (d / "MANIFEST.sig").write_bytes(b"x"),
    "an edited manifest": lambda d: edit(d, lambda m: m | {"purpose": "development"}),
    "a manifest that is a list": lambda d: replace(d, b"[]\n"),
    "a manifest that is no JSON": lambda d: replace(d, b"\xff{"),
    "a manifest without files": lambda d: replace(d, b"{}\n"),
    "a folder of another name": lambda d: d.rename(d.with_name("U54321")),
    "a folder of another run": lambda d: d.parent.rename(d.parent.with_name("cd" * 32)),
}


def replace(folder: Path, manifest: bytes, key: Ed25519PrivateKey | None = None) -> None:
    """Put another manifest there, with a mark that fits; signed only if a key is given."""
    (folder / "MANIFEST.json").write_bytes(manifest)
    (folder / "COMMITTED").write_text(hashlib.sha256(manifest).hexdigest() + "\n")
    if key is not None:
        (folder / "MANIFEST.sig").write_bytes(key.sign(manifest))


def edit(folder: Path, change: Callable[[dict], dict], key: Ed25519PrivateKey | None = None) -> None:
    manifest = json.loads((folder / "MANIFEST.json").read_bytes())
    replace(folder, json.dumps(change(manifest)).encode(), key)


@pytest.mark.parametrize("spoil", SPOILED)
@pytest.mark.parametrize("public_key", [None, PUBLIC], ids=["alone", "with the key"])
def test_a_spoiled_delivery_is_refused(folder: Path, spoil: str, public_key: str | None) -> None:
    run = folder.parent.parent
    SPOILED[spoil](folder)
    (where,) = run.glob("*/*")
    with pytest.raises((IntegrityError, UsageError)) as caught:
        verify_delivery(where, public_key)
    assert caught.value.exit_code in (5, 2)
    with pytest.raises(IntegrityError):
        verify_delivery(where.parent, public_key)
    assert not any(number in str(caught.value) for number in deliveries.NUMBERS.values())


def test_a_manifest_taken_away_is_refused_in_its_run(folder: Path) -> None:
    whole = Path(shutil.copytree(folder, folder.with_name("U54321")))
    edit(whole, lambda manifest: manifest | {"network_code": "U54321"}, deliveries.KEY)
    assert len(verify_delivery(folder.parent)) == 2
    (folder / "MANIFEST.json").unlink()
    with pytest.raises(UsageError, match="no delivery"):
        verify_delivery(folder)
    with pytest.raises(IntegrityError, match=r"MANIFEST.json is missing"):
        verify_delivery(folder.parent)


def test_a_stray_file_beside_the_networks_is_refused(folder: Path) -> None:
    (folder.parent / "notes.txt").write_text("x")
    with pytest.raises(IntegrityError, match=r"delivery notes\.txt"):
        verify_delivery(folder.parent)


def test_what_a_killed_process_left_hidden_is_passed_over(folder: Path) -> None:
    (folder.parent / f".{deliveries.NETWORK}-1234").mkdir()
    assert verify_delivery(folder.parent) == [folder]


def test_a_link_to_a_whole_delivery_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / deliveries.RUN / deliveries.NETWORK
    elsewhere.parent.mkdir()
    elsewhere.symlink_to(folder, target_is_directory=True)
    with pytest.raises(IntegrityError, match="links"):
        verify_delivery(elsewhere)


def test_a_forger_with_a_key_of_his_own_passes_only_without_the_public_key(folder: Path) -> None:
    edit(folder, lambda manifest: manifest | {"public_key": public_key_of(FORGER), "purpose": "x"}, FORGER)
    assert verify_delivery(folder) == [folder]
    with pytest.raises(IntegrityError, match="was not signed by the key"):
        verify_delivery(folder, PUBLIC)


def test_an_older_delivery_cannot_stand_in_for_a_newer_one(folder: Path) -> None:
    """Rolled back: an older run of the same network, whole and rightly signed, put where the newer one stood."""
    older = folder.parent.with_name("cd" * 32) / folder.name
    shutil.copytree(folder, older)
    edit(older, lambda manifest: manifest | {"run_id": "cd" * 32}, deliveries.KEY)
    assert verify_delivery(older, PUBLIC) == [older]
    for name in ("MANIFEST.json", "MANIFEST.sig", "COMMITTED"):
        shutil.copy(older / name, folder / name)
    with pytest.raises(IntegrityError, match="its manifest is of network U12345, run cdcdcdcdcdcdcdcd"):
        verify_delivery(folder, PUBLIC)


def test_names_in_a_manifest_never_lead_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    entry = {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1}
    for name in (str(outside), "../../../../outside", "practices/../summary.json"):
        edit(
            folder, lambda manifest, name=name: manifest | {"files": manifest["files"] | {name: entry}}, deliveries.KEY
        )
        with pytest.raises(IntegrityError, match="1 that it names are missing"):
            verify_delivery(folder, PUBLIC)
        edit(
            folder,
            lambda manifest, name=name: manifest | {"files": {k: v for k, v in manifest["files"].items() if k != name}},
        )


def test_where_there_is_no_delivery_that_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UsageError, match="no delivery in"):
            verify_delivery(path)


def test_verifying_imports_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom pophealth.delivery.verify import verify_delivery\n"
        f"verify_delivery(Path({str(folder)!r}), {PUBLIC!r})\n"
        "print([name for name in ('polars', 'pyarrow', 'numpy', 'numba') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_standard_tools_verify_with_the_public_key_alone(folder: Path, tmp_path: Path) -> None:
    """openssl and sha256sum where they are installed; the same two checks by hand where they are not."""
    pem = tmp_path / "signing.pub"
    pem.write_bytes(deliveries.KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    manifest, signature = folder / "MANIFEST.json", folder / "MANIFEST.sig"
    openssl, sha256sum = shutil.which("openssl"), shutil.which("sha256sum")
    if openssl and sha256sum:
        words = ["pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", manifest, "-sigfile", signature]
        assert subprocess.run([openssl, *words], capture_output=True, check=False).returncode == 0
        lines = "".join(f"{e['sha256']}  {n}\n" for n, e in json.loads(manifest.read_bytes())["files"].items())
        checking = [sha256sum, "--check", "--strict"]
        checked = subprocess.run(checking, input=lines.encode(), cwd=folder, capture_output=True, check=False)
        assert checked.returncode == 0, checked.stderr
    deliveries.KEY.public_key().verify(signature.read_bytes(), manifest.read_bytes())


def pem_of(key: Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    hidden = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


def test_a_signing_key_is_read_only_if_nobody_else_can(tmp_path: Path) -> None:
    path = tmp_path / "signing.key"
    path.write_bytes(pem_of(deliveries.KEY))
    path.chmod(0o600)
    assert public_key_of(load_signing_key(path)) == PUBLIC
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(ConfigError, match="can be read by others"):
            load_signing_key(path)


@pytest.mark.parametrize(
    "content", [b"", b"not PEM", pem_of(deliveries.KEY, b"secret")], ids=["empty", "text", "locked"]
)
def test_what_is_no_signing_key_is_refused_without_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "signing.key"
    with pytest.raises(ConfigError, match="does not exist"):
        load_signing_key(path)
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not an Ed25519 private key"):
        load_signing_key(path)


def test_a_public_key_and_its_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "signing.pub"
    path.write_bytes(deliveries.KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert load_public_key(path) == PUBLIC
    assert fingerprint(PUBLIC) == hashlib.sha256(bytes.fromhex(PUBLIC)).hexdigest()[:16]
    path.write_text("x")
    with pytest.raises(ConfigError, match="is not an Ed25519 public key"):
        load_public_key(path)
