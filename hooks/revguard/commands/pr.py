"""`revguard pr`: judges what a pull request would land, and says it where its readers are."""

from __future__ import annotations

import os
from dataclasses import replace

from revguard import pipeline, terminal, verdict
from revguard.arguments import Invocation
from revguard.arguments.saying import Saying
from revguard.commands.answer import Answer
from revguard.errors import RevguardError
from revguard.options import Options
from revguard.pulls import body, files, github_place, parts, patch, places, speaking, telling
from revguard.pulls.place import Place, project_id
from revguard.pulls.ranged import ranged
from revguard.reporters import text
from revguard.verdict import Report


def run(invocation: Invocation) -> Answer | Report:
    """Judge, say what is known here, then what needs a token; the verdict is of the first only."""
    try:
        return _run(invocation)
    except RevguardError as error:
        if invocation.format != "text" or not places.is_github(invocation.options.environ):
            raise
        return Answer(text=telling.failure(str(error)), code=error.exit_code)


def _run(invocation: Invocation) -> Answer | Report:
    saying = invocation.saying
    place = places.place(invocation.options.environ)
    github_place.refuse(place, judges=not saying.parts)
    token = places.token(place, invocation.options.environ)
    options = _without_tokens(invocation.options)
    report = _report(options, place, saying)
    missing = patch.of(report, patch.judged(report, options.directory, options.environ))
    shown = ""
    if saying.step != "comment":
        _written(report, place, saying, options, missing)
        shown = _shown(report, place, options)
    if saying.step != "judge":
        shown += _spoken(place, _wish(report, place, saying, options, missing), token, options)
    if invocation.format != "text" or place.service == "terminal":
        return report
    return Answer(text=shown, code=_code(report, place, saying))


def _without_tokens(options: Options) -> Options:
    for name in places.SECRETS:  # what is started without an environ of its own inherits this one
        os.environ.pop(name, None)
    return replace(options, environ=places.without_tokens(options.environ))


def _report(options: Options, place: Place, saying: Saying) -> Report:
    """The judgement, or why there is none: said in every place like any other."""
    if saying.parts:
        return parts.read(saying.parts)
    try:
        return pipeline.check(replace(ranged(options, place), command="check"))
    except RevguardError as error:
        if place.service == "terminal":
            raise
        return Report(
            verdict="error", error=error.message, hint=error.hint, exit_code=error.exit_code
        )


def _written(report: Report, place: Place, saying: Saying, options: Options, missing: str) -> None:
    environ = options.environ
    written = files.write(report, place, saying.files, environ, missing)
    files.say(files.outputs(report, written), environ)
    paste = missing if saying.mode == "suggest" else ""
    summary = body.comment(report, place, paste=paste, limit=body.SUMMARY)
    files.summarise(summary + "\n", environ)


def _shown(report: Report, place: Place, options: Options) -> str:
    said = text.render(
        report, color=False, width=terminal.width(), verbose=options.verbose, quiet=options.quiet
    )
    return telling.log(said, place) + telling.marks(report, place)


def _wish(
    report: Report, place: Place, saying: Saying, options: Options, missing: str
) -> speaking.Wish:
    return speaking.Wish(
        report=report,
        project=project_id(place, options.directory, options.environments),
        comment=saying.comment,
        mode=saying.mode,
        patch=missing,
        directory=options.directory,
    )


def _spoken(place: Place, wish: speaking.Wish, token: str, options: Options) -> str:
    spoken = speaking.speak(wish, place, token, options.environ)
    files.say({"comment-url": spoken.url}, options.environ)
    return telling.lines(spoken.said, spoken.warnings, place)


def _code(report: Report, place: Place, saying: Saying) -> int:
    # the verdict is that of the run which judged: it has said so already
    if saying.step == "comment" or place.kind == "workflow_run":
        return 0
    return verdict.exit_code(report)
