"""The command line: what it understands, what it refuses, and what it says when things go wrong."""

import datetime
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

import revguard
from revguard import arguments, commands, rim
from revguard.arguments import names
from revguard.errors import ConfigError, CouldNotCheck, Interrupted, UsageError
from revguard.verdict import EnvironmentReport, Finding, Report

SOURCES = Path(revguard.__file__).parents[1]
SCHEMA = json.loads(Path(revguard.__file__).with_name("report.schema.json").read_text())
FAILED = Report(
    verdict="fail",
    environments=(
        EnvironmentReport(
            name="shop",
            verdict="fail",
            findings=(Finding(rule="history/missing-revision", message="r\u00e9vision"),),
        ),
    ),
)


def parse(*words, directory="/"):
    return arguments.parse(words, environ={}, directory=directory, today=datetime.date(2026, 1, 2))


@pytest.fixture
def judging(monkeypatch):
    """Let `revguard check` come to this answer, or fail so."""

    def install(answer):
        def judge(invocation):
            if isinstance(answer, BaseException):
                raise answer
            return answer(invocation) if callable(answer) else answer

        monkeypatch.setattr(rim, "COMMAND_BY_NAME", {"check": judge})

    return install


def environ(**more):
    return {**os.environ, "PYTHONPATH": str(SOURCES), "PYTHONWARNINGS": "error", **more}


def revguard_process(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "revguard", *words],
        capture_output=True,
        text=True,
        env=options.pop("env", environ()),
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["check"], {"command": "check"}, id="check"),
        pytest.param(["check", "--worktree"], {"worktree": True}, id="worktree"),
        pytest.param(["check", "--tree", "HEAD~2"], {"tree": "HEAD~2"}, id="tree"),
        pytest.param(
            ["check", "--from-ref", "a", "--to-ref=b"], {"from_ref": "a", "to_ref": "b"}, id="range"
        ),
        pytest.param(["check", "--all"], {"all": True}, id="all"),
        pytest.param(["add"], {"command": "add", "stage": True, "message": None}, id="add"),
        pytest.param(["add", "--no-stage"], {"stage": False}, id="no stage"),
        pytest.param(["add", "-m", "say it"], {"message": "say it"}, id="message"),
        pytest.param(["check", "--env", "a", "--env", "b"], {"environments": ("a", "b")}, id="env"),
        pytest.param(["--env", "a", "check", "--env=b"], {"environments": ("a", "b")}, id="both"),
        pytest.param(["--env", "check", "check"], {"environments": ("check",)}, id="env named so"),
        pytest.param(["-q", "check"], {"quiet": True}, id="quiet before"),
        pytest.param(["check", "-q"], {"quiet": True}, id="quiet after"),
        pytest.param(["-v", "check"], {"verbose": True}, id="verbose"),
        pytest.param(["--no-cache", "check"], {"no_cache": True}, id="no cache"),
        pytest.param(["-C", "/usr", "check", "-C", "bin"], {"directory": "/usr/bin"}, id="C twice"),
    ],
)
def test_options(words, expected):
    options = parse(*words).options
    assert {name: getattr(options, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["check", "--format", "json"], {"format": "json"}, id="format"),
        pytest.param(["--format", "json", "check"], {"format": "json"}, id="format before"),
        pytest.param(["check", "--color", "never"], {"color": "never"}, id="color"),
        pytest.param(["check", "--output", "r.json"], {"output": "/usr/r.json"}, id="output"),
        pytest.param(["explain", "a/b"], {"words": ("a/b",)}, id="explain"),
        pytest.param(["cache", "clear"], {"words": ("clear",)}, id="cache"),
        pytest.param(["check"], {"format": "text", "output": None, "color": "auto"}, id="none"),
    ],
)
def test_invocation(words, expected):
    invocation = parse(*words, directory="/usr")
    assert {name: getattr(invocation, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "the commands are: check, add, rebase, squash", id="no command"),
        pytest.param(["chekc"], "did you mean `revguard check`?", id="a slip"),
        pytest.param(["frobnicate"], "the commands are: check", id="another word"),
        pytest.param(["check", "app/models.py"], "pass_filenames: false", id="file names"),
        pytest.param(["add", "a.py", "b.py"], "takes no file names", id="file names to add"),
        pytest.param(["check", "--wroktree"], "--wroktree", id="an unknown option"),
        pytest.param(["check", "--work"], "--work", id="no abbreviations"),
        pytest.param(["check", "--no-stage"], "--no-stage", id="an option of add"),
        pytest.param(["add", "--worktree"], "--worktree", id="an option of check"),
        pytest.param(["check", "--worktree", "--tree", "x"], "not allowed with", id="two at once"),
        pytest.param(["check", "--to-ref", "x"], "needs `--from-ref`", id="half a range"),
        pytest.param(["check", "-v", "-q"], "contradict", id="loud and quiet"),
        pytest.param(["check", "-C", "/no/such"], "no folder /no/such", id="no folder"),
        pytest.param(["check", "--color", "blue"], "invalid choice", id="no such colour"),
        pytest.param(["check", "--env"], "expected one argument", id="no value"),
        pytest.param(["explain"], "RULE", id="no rule"),
        pytest.param(["cache", "drop"], "invalid choice", id="no such thing to do"),
    ],
)
def test_refuses(words, said, capsys):
    with pytest.raises(UsageError) as caught:
        parse(*words)
    assert said in str(caught.value)
    assert rim.run(words) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["check", "--help"], ["add", "-h"], ["cache", "--help"]]
)
def test_help_and_version(words, capsys):
    assert rim.run(words) == 0
    output = capsys.readouterr()
    assert "revguard" in output.out
    assert output.err == ""


def test_every_command_is_there():
    assert {*commands.COMMAND_BY_NAME} == {*names.COMMANDS}


@pytest.mark.parametrize(
    ("report", "code"),
    [
        pytest.param(Report(verdict="pass"), 0, id="pass"),
        pytest.param(FAILED, 1, id="fail"),
        pytest.param(Report(verdict="error", error="x"), 3, id="error"),
        pytest.param(Report(verdict="error", error="x", exit_code=2), 2, id="usage"),
    ],
)
@pytest.mark.parametrize("format_", ["text", "json"])
def test_exit_codes(judging, capsys, report, code, format_):
    judging(report)
    assert rim.run(["check", "--format", format_]) == code
    if format_ == "json":
        jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConfigError("what", hint="do `this`"), 2, id="configuration"),
        pytest.param(CouldNotCheck("what", hint="do `this`"), 3, id="could not check"),
    ],
)
def test_an_error_is_printed_once(judging, capsys, error, code):
    judging(error)
    assert rim.run(["check"]) == code
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "error: what\n  do `this`\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(ConfigError("what", hint="do `this`"), 2, id="configuration"),
        pytest.param(CouldNotCheck("what", hint="do `this`"), 3, id="could not check"),
    ],
)
def test_an_error_is_a_report_too(judging, capsys, error, code):
    judging(error)
    assert rim.run(["check", "--format=json"]) == code
    output = capsys.readouterr()
    report = json.loads(output.out)
    jsonschema.validate(report, SCHEMA)
    assert (report["verdict"], report["error"], report["hint"]) == ("error", "what", "do `this`")
    assert output.err == ""


@pytest.mark.parametrize("words", [["chekc", "--format", "json"], ["--format=json", "check", "x"]])
def test_wrong_arguments_are_a_report_too(capsys, words):
    assert rim.run(words) == 2
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


def test_a_format_that_is_not_there_is_refused_before_the_work(judging, capsys):
    judging(AssertionError("it was not asked"))
    assert rim.run(["check", "--format", "xml"]) == 2
    assert "one of: text, json" in capsys.readouterr().err


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_bug_is_said_to_be_one(judging, capsys, format_):
    judging(ZeroDivisionError("division"))
    assert rim.run(["check", "--format", format_]) == 3
    output = capsys.readouterr()
    assert "ZeroDivisionError: division" in output.err
    assert "this is a bug in revguard; report it at https://" in output.err
    if format_ == "json":
        report = json.loads(output.out)
        jsonschema.validate(report, SCHEMA)
        assert "ZeroDivisionError" in report["error"]


def test_an_interrupt_of_our_own_is_130(judging, capsys):
    judging(Interrupted())
    assert rim.run(["check", "--format", "json"]) == 130
    assert capsys.readouterr().out == ""


def test_output_goes_to_the_file_and_nowhere_else(judging, capsys, tmp_path):
    judging(FAILED)
    path = tmp_path / "report \u00e9.json"
    assert rim.run(["check", "--format", "json", "--output", str(path)]) == 1
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), SCHEMA)
    assert capsys.readouterr() == ("", "")


def test_output_is_relative_to_the_directory_and_plain(judging, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    judging(FAILED)
    assert rim.run(["check", "-C", str(tmp_path), "--output", "report.txt"]) == 1
    assert (tmp_path / "report.txt").read_text(encoding="utf-8").startswith("shop: fail")


@pytest.mark.parametrize("path", ["no/such/folder/report", "."])
def test_output_that_cannot_be_written(judging, capsys, tmp_path, path):
    judging(FAILED)
    assert rim.run(["check", "-C", str(tmp_path), "--output", path]) == 2
    assert "error: " in capsys.readouterr().err


def test_an_error_with_an_output_file_is_in_the_file_and_on_stderr(judging, capsys, tmp_path):
    judging(CouldNotCheck("what"))
    path = tmp_path / "report.json"
    assert rim.run(["check", "--format", "json", "--output", str(path)]) == 3
    assert json.loads(path.read_text(encoding="utf-8"))["error"] == "what"
    assert capsys.readouterr() == ("", "error: what\n")


@pytest.mark.parametrize(
    ("words", "variables", "colored"),
    [
        pytest.param([], {}, False, id="no terminal"),
        pytest.param([], {"FORCE_COLOR": "1"}, True, id="forced"),
        pytest.param([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param(["--color", "always"], {"NO_COLOR": "1"}, True, id="always"),
        pytest.param(["--color", "never"], {"FORCE_COLOR": "1"}, False, id="never"),
    ],
)
def test_color(judging, capsys, monkeypatch, words, variables, colored):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    judging(FAILED)
    rim.run(["check", *words])
    assert ("\x1b[" in capsys.readouterr().out) is colored


def test_explain_prints_the_page(capsys):
    assert rim.run(["explain", "history/multiple-heads"]) == 0
    assert capsys.readouterr().out.startswith("# history/multiple-heads\n")


def test_explain_as_json(capsys):
    assert rim.run(["explain", "history/multiple-heads", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rule"] == "history/multiple-heads"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        pytest.param("history/mutliple-heads", "explain history/multiple-heads`", id="a slip"),
        pytest.param("multiple-heads", "explain history/multiple-heads`", id="without its family"),
        pytest.param("xyzzy", "the rules are: history/missing-revision", id="nothing like it"),
    ],
)
def test_explain_an_unknown_rule(capsys, rule, said):
    assert rim.run(["explain", rule]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("rule", ["models/duplicate-table", "squawk/prefer-text-field"])
def test_explain_a_reserved_rule(capsys, rule):
    assert rim.run(["explain", rule]) == 0
    assert "does not check" in capsys.readouterr().out


def test_the_module_is_the_console_script():
    done = revguard_process("--version")
    assert (done.returncode, done.stdout) == (0, f"revguard {revguard.__version__}\n")


def test_a_reader_that_goes_away_is_no_failure():
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m revguard explain history/multiple-heads | true",
        shell=True,
        capture_output=True,
        text=True,
        env=environ(),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_never_a_pass():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "revguard", "explain", "history/multiple-heads"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environ(),
            check=False,
        )
    assert done.returncode == 3
    assert "cannot write the report: No space left on device" in done.stderr


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_any_encoding_will_do(variables):
    done = revguard_process("explain", "h\u00e9ad", env=environ(**variables))
    assert done.returncode == 2
    assert "there is no rule" in done.stderr


def test_closed_output_streams():
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m revguard explain history/multiple-heads >&- 2>&-",
        shell=True,
        env=environ(),
        check=False,
    )
    assert done.returncode == 0


WAITING = """
import sys, time
from revguard import rim

def wait(invocation):
    try:
        print("ready", flush=True)
        time.sleep(30)
    finally:
        print("released", flush=True)

rim.COMMAND_BY_NAME = {"check": wait}
from revguard.cli import main
sys.exit(main(["check", "--all"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_release_everything(number):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(),
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.05)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "released\n", "revguard: interrupted\n")


def test_cache_show_and_clear(cache_dir, capsys):
    (cache_dir / "v1" / "trees" / "0").mkdir(parents=True)
    (cache_dir / "v1" / "trees" / "0" / "a.py").write_bytes(b"x" * 2048)
    (cache_dir / "mine.txt").write_text("not revguard's")
    assert rim.run(["cache", "show"]) == 0
    assert "2.0 KiB  checked-out trees with their bytecode (1 file)" in capsys.readouterr().out
    assert rim.run(["cache", "show", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == 2048
    assert rim.run(["cache", "clear"]) == 0
    assert "removed" in capsys.readouterr().out
    assert [path.name for path in cache_dir.iterdir()] == ["mine.txt"]
    assert rim.run(["cache", "clear"]) == 0
    assert rim.run(["cache", "show"]) == 0
    assert "empty" in capsys.readouterr().out.rpartition("cache:")[2]


def test_cache_clear_waits_for_nobody_and_takes_from_nobody(cache_dir, capsys):
    from revguard.runs import Run

    (cache_dir / "v1").mkdir(parents=True)
    with Run(cache_dir / "v1", memory=None):
        assert rim.run(["cache", "clear"]) == 3
    assert "another revguard is at work" in capsys.readouterr().err
    assert rim.run(["cache", "clear"]) == 0


@pytest.mark.parametrize("format_", ["github", "sarif", "markdown"])
def test_an_error_comes_in_the_format_that_was_asked_for(judging, capsys, format_):
    judging(CouldNotCheck("no server"))
    assert rim.run(["check", "--format", format_]) == 3
    output = capsys.readouterr()
    assert "no server" in output.out
    assert output.err == ""


@pytest.mark.parametrize("command", [["status"], ["doctor"], ["explain", "history/multiple-heads"]])
def test_what_judges_nothing_takes_text_and_json_only(capsys, command):
    assert rim.run([*command, "--format", "sarif"]) == 2
    assert f"`revguard {command[0]}` has no format 'sarif'" in capsys.readouterr().out
