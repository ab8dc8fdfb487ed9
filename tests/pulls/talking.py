"""A conversation on some GitHub, and what a run wants to say there."""

from revguard.pulls import github_thread, posting
from revguard.pulls.github_thread import GitHubThread
from revguard.pulls.marker import Marker
from revguard.pulls.place import Place
from revguard.pulls.posting import Wanted
from revguard.pulls.web import Api


def place(github, **values):
    return Place(service="github", api=github.url, repository="shop/shop", number=7, **values)


def thread(github, token=None, waits=None):
    token = token or github.token
    slept = [] if waits is None else waits
    api = Api(github.url, github_thread.headers(token), {}, sleep=slept.append)
    return GitHubThread(api, place(github), 7, token)


def wanted(state="aa", run=(1, 1), *, project=".", relevant=True, head=""):
    mark = Marker(project=project, run=run, state=state)
    return Wanted(mark=mark, body=f"says {state}\n", relevant=relevant, head=head)


def post(github, *args, token=None, waits=None, **kwargs):
    return posting.post(thread(github, token, waits), wanted(*args, **kwargs))
