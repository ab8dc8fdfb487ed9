"""What the checks look at: options in, the stages of a run on demand out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from revguard import cachedir, project
from revguard.config import Settings
from revguard.environments import Environment, Skipped
from revguard.evaluation import choosing
from revguard.evaluation.choosing import Target
from revguard.evaluation.subject import Subject
from revguard.options import Options
from revguard.project import Interpreter


@dataclass(frozen=True, kw_only=True)
class View:
    """A repository. Each part raises what a run would raise there."""

    options: Options

    @cached_property
    def target(self) -> Target:
        """The staged tree."""
        return choosing.choose(self.options)

    @cached_property
    def settings(self) -> Settings:
        """The configuration."""
        return choosing.settings_of(self.target)

    @cached_property
    def subject(self) -> Subject:
        """The staged tree with its base."""
        return choosing.subject_of(self.target, self.settings, self.options)

    @cached_property
    def discovered(self) -> tuple[list[Environment], list[Skipped]]:
        """The environments, and what only looks like one."""
        return choosing.discovered(self.subject, self.settings, self.options)


@dataclass(frozen=True, kw_only=True)
class EnvironmentView:
    """One environment of a repository."""

    view: View
    environment: Environment

    @cached_property
    def interpreter(self) -> Interpreter:
        """The project's interpreter."""
        environ = self.view.options.environ
        return project.find(
            self.view.subject.repo.toplevel,
            self.environment.root,
            self.environment.settings.python,
            environ,
            cache=cachedir.cache_folder(environ),
        )
