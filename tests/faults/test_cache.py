"""Caches and disks as they should not be: the verdict is the one that there is without any."""

import json
import os
import resource
import shutil
import subprocess

import pytest


def verdicts(report):
    """What a report says, without times and without where it comes from."""
    kept = []
    for one in report["environments"]:
        one = {key: value for key, value in one.items() if key not in ("cached", "timings_ms")}
        one["proof"] = [{**step, "ms": 0} for step in one["proof"]]
        kept.append(one)
    return report["verdict"], report["tree"], kept


@pytest.fixture(params=["sqlite"])
def answer(request, make_shop, tmp_path_factory):
    """The shop with a change that lacks its revision, and the report of that."""
    any_shop = make_shop(request.param, cold=True)
    any_shop.change()
    elsewhere = {"REVGUARD_CACHE_DIR": str(tmp_path_factory.getbasetemp() / "sound")}
    code, report = any_shop.report("check", environ=elsewhere)
    assert code == 1
    return any_shop, verdicts(report)


def holds(answer, **options):
    """Once as a hook calls it, and once as a report: both are right."""
    shop, expected = answer
    before = shop.state()
    done = shop.run("check", **options)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stderr == ""
    assert "history/missing-revision" in done.stdout
    assert verdicts(shop.report("check", **options)[1]) == expected
    assert shop.state() == before


def files(cache):
    """What may be spoiled, one of each kind; the data of stored servers only in part."""
    found = {}
    for path in sorted(cache.rglob("*")):
        if path.is_file() and "pycache" not in path.parts and path.suffix != ".lock":
            parts = path.relative_to(cache).parts
            kind = (*(p for p in parts if not any(c.isdigit() for c in p)), path.suffix)
            if len([k for k in found if k == kind]) < 2:
                found[kind] = path
    return list(found.values())


def truncate(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def swap_types(value):
    """The same JSON with every leaf, and every list, of another type."""
    if isinstance(value, dict):
        return {key: swap_types(one) for key, one in value.items()}
    return {"wrong": 1} if isinstance(value, (list, str)) else ["wrong"]


def wrong_types(path):
    if path.suffix == ".json":
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{json.dumps(swap_types(json.loads(x)))}\n" for x in lines))


def other_json(text):
    def spoil(path):
        if path.suffix == ".json":
            path.write_text(text)

    return spoil


def another_version(path):
    if path.suffix == ".json":
        head, newline, rest = path.read_text().partition("\n")
        found = json.loads(head)
        for key in ("version", "format"):
            if key in found:
                found[key] = "99" if isinstance(found[key], str) else 99
        path.write_text(json.dumps(found) + newline + rest)


SPOILERS = {
    "truncated": truncate,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x80\xff\0garbage" * 10),
    "wrong types": wrong_types,
    "a list": other_json("[]"),
    "null": other_json("null"),
    "a number": other_json("1e999"),
    "deep": other_json("[" * 100_000),
    "another version": another_version,
    "gone": lambda path: path.unlink(),
    "unreadable": lambda path: path.chmod(0),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


on_both = pytest.mark.parametrize("answer", ["sqlite", "postgresql"], indirect=True)
# PostgreSQL keeps more: a data folder to copy, and snapshots
SPOILED = [("sqlite", how) for how in SPOILERS]
SPOILED += [("postgresql", how) for how in ("truncated", "garbage", "wrong types", "gone")]


@pytest.mark.parametrize(("answer", "how"), SPOILED, indirect=["answer"])
def test_every_file_of_the_cache_spoiled(answer, how):
    shop = answer[0]
    shop.run("check")
    for path in files(shop.cache):
        if path.exists():
            SPOILERS[how](path)
    holds(answer)


@on_both
def test_each_file_alone_with_wrong_types(answer):
    """One at a time, since the first that is found out hides the others."""
    shop, _ = answer
    shop.run("check")
    names = [path for path in files(shop.cache) if path.suffix == ".json"]
    assert names
    kept = shop.base / "kept"
    shutil.copytree(shop.cache, kept, symlinks=True)
    for path in names:
        shutil.rmtree(shop.cache)
        shutil.copytree(kept, shop.cache, symlinks=True)
        wrong_types(path)
        done = shop.run("check")
        assert done.returncode == 1, (path, done.stdout, done.stderr)
        assert "history/missing-revision" in done.stdout


def test_a_checkout_that_somebody_edited(answer):
    shop, _ = answer
    shop.run("check")
    for path in (shop.cache / "v1" / "repos").glob("*/trees/*/*/models.py"):
        path.unlink()
    holds(answer)


def test_a_cache_that_is_a_file(answer):
    answer[0].cache.write_text("not a folder\n")
    holds(answer)
    assert answer[0].cache.read_text() == "not a folder\n"


def test_a_cache_folder_below_a_file(answer):
    holds(answer, environ={"REVGUARD_CACHE_DIR": "/etc/passwd/cache"})


@on_both
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_a_read_only_cache(answer, ordinary, state):
    shop = answer[0]
    shop.cache.mkdir()
    if state == "warm":
        shop.run("check", before=ordinary)
    subprocess.run(["chmod", "-R", "a-w", shop.cache], check=True)
    before = sorted(map(str, shop.cache.rglob("*")))
    holds(answer, before=ordinary)
    assert sorted(map(str, shop.cache.rglob("*"))) == before


def test_add_without_a_cache(any_shop, ordinary):
    any_shop.change()
    shutil.rmtree(any_shop.cache)
    any_shop.cache.mkdir(mode=0o555)
    done = any_shop.run("add", before=ordinary)
    assert done.returncode == 0, done.stdout + done.stderr
    status = any_shop.git("status", "--porcelain").splitlines()
    assert [line[:2] for line in status] == ["A ", "M "]


@pytest.fixture(scope="session")
def mounting():
    """Words before a shell script that may mount for itself alone."""
    words = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
    try:
        trial = "mount -t tmpfs -o size=64k tmpfs /mnt"
        subprocess.run([*words, "sh", "-c", trial], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("nothing can be mounted here")
    return words


def mounted(words, script):
    return (*words, "sh", "-c", f'{script} && exec "$@"', "sh")


FULL = [("sqlite", "0"), ("sqlite", "40k"), ("sqlite", "400k")]
FULL += [("postgresql", "0"), ("postgresql", "400k"), ("postgresql", "12m")]


@pytest.mark.parametrize(("answer", "size"), FULL, indirect=["answer"])
def test_a_full_cache(answer, mounting, size):
    """The cache is full after so much: the disk for temporary files is not."""
    shop = answer[0]
    shop.cache.mkdir()
    blocks = "nr_blocks=1" if size == "0" else f"size={size}"
    fill = f"mount -t tmpfs -o {blocks},mode=777 tmpfs {shop.cache}"
    if size == "0":
        fill += f"; head -c 100000 /dev/zero > {shop.cache}/x 2>/dev/null; true"
    holds(answer, before=mounted(mounting, fill))


@on_both
def test_a_full_memory_file_system(answer, mounting):
    # initdb itself needs some of it, up to PostgreSQL 15
    assert answer[0].run("check", "--tree", "HEAD", "--all").returncode == 0
    fill = "mount -t tmpfs -o size=1m,mode=1777 tmpfs /dev/shm"
    holds(answer, before=mounted(mounting, fill))


@on_both
def test_memory_that_runs_full_in_the_middle(answer, mounting):
    # it looks as if there was enough, and then there is not
    shop = answer[0]
    fill = "mount -t tmpfs -o nr_inodes=60,mode=1777 tmpfs /dev/shm"
    before = shop.state()
    done = shop.run("check", before=mounted(mounting, fill))
    assert done.returncode in (1, 3)
    if done.returncode == 3:
        assert "space" in done.stderr
    assert shop.state() == before


@on_both
def test_everything_is_full(answer, mounting):
    """Nowhere a place to write: a clear error, and nothing is left."""
    shop, _ = answer
    shop.cache.mkdir()
    places = [shop.cache, shop.temporary, "/dev/shm", "/tmp"]
    fill = " && ".join(
        f"mount -t tmpfs -o size=64k,mode=1777 tmpfs {place}" for place in places[:3]
    )
    before = shop.state()
    for command in ("check", "add"):
        done = shop.run(command, before=mounted(mounting, fill))
        if done.returncode == (1 if command == "check" else 0):
            continue  # it fits: SQLite takes little
        assert done.returncode == 3, (done.stdout, done.stderr)
        said = " ".join(done.stderr.split())
        assert "space" in said or "cannot be written" in said, done.stderr
        assert "REVGUARD_CACHE_DIR" in said or "revguard cache clear" in said, done.stderr
        assert shop.state() == before


def test_a_full_repository(answer, mounting):
    """The index cannot be written: nothing is added."""
    shop, _ = answer
    copy = shop.base / "copy"
    shop.path.rename(copy)
    shop.path.mkdir()
    fill = (
        f"mount -t tmpfs -o size=3m,mode=777 tmpfs {shop.path} && cp -a {copy}/. {shop.path}"
        f" && (cat /dev/zero > {shop.path}/fill 2>/dev/null; true) && cd {shop.path}"
    )
    after = "code=$?; rm fill; git status --porcelain >&2; exit $code"
    words = (*mounting, "sh", "-c", f'{fill} && "$@"; {after}', "sh")
    done = shop.run("add", before=words)
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "space" in done.stderr
    status = done.stderr.splitlines()[-1]
    assert status == "M  models.py", done.stderr
    shop.path.rmdir()
    copy.rename(shop.path)


@pytest.mark.parametrize("limit", [0, 1000, 20_000, 1_000_000])
def test_a_limit_on_the_size_of_files(shop, limit):
    """As `ulimit -f`: SIGXFSZ is ignored by Python, so it comes as EFBIG."""
    shop.change()
    before = shop.state()

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = shop.run("check", preexec_fn=limited)
    assert done.returncode in (1, 3), (done.stdout, done.stderr)
    if done.returncode == 3:
        assert "error: " in done.stderr
    assert shop.state() == before
    assert shop.left() == []


def test_cache_show_and_clear_of_a_spoiled_cache(shop):
    shop.change()
    shop.run("check")
    for path in files(shop.cache):
        path.write_bytes(b"garbage")
    assert shop.run("cache", "show").returncode == 0
    assert shop.run("cache", "clear").returncode == 0
    assert shop.run("check").returncode == 1
