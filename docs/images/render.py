"""Comments as GitHub shows them: scenes, or files of Markdown, in; pictures in light and dark out.

`python docs/images/render.py` makes the README's pictures anew, from real runs in throw-away
repositories. `--into DIR NAME.md ... SCENE ...` renders others, `--open` with all folds open. It
takes GitHub's own Markdown (cmarkgfm), its style sheet and Mermaid (npm, by `make pictures`), and
Chromium.
"""

import argparse
import html
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options
from scenes import SCENES, comment

HERE = Path(__file__).parent
NODE = HERE.parents[1] / ".make" / "pictures" / "node_modules"
README = ("blocked", "mended")
THEMES = {"light": "default", "dark": "dark"}  # GitHub's, and Mermaid's name for what it takes
WIDTH = 930
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
EMOJI = re.compile("([\u2300-\u27bf\U0001f300-\U0001faff])\ufe0f?")
PAGE = """\
<!doctype html><meta charset="utf-8">
<link rel="stylesheet" href="{style}"><style>
  body {{ margin: 0; padding: 24px; box-sizing: border-box; }}
  .mermaid {{ text-align: center; padding: 16px; margin-bottom: 16px; border-radius: 6px;
             background: {shade}; }}
  .emoji {{ height: 1.2em; vertical-align: -0.2em; background: none !important; }}
</style>
<body class="markdown-body">{body}
<script src="{mermaid}"></script><script>
  const root = document.documentElement.dataset;
  mermaid.initialize({{startOnLoad: false, theme: "{theme}", securityLevel: "strict"}});
  mermaid.run({{querySelector: ".mermaid"}}).then(() => {{
    root.height = Math.ceil(document.body.getBoundingClientRect().height);
  }}, (error) => {{ root.failed = String(error); }});
</script>
"""


def main():
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("what", nargs="*", default=README, metavar="SCENE|FILE.md",
                       help=", ".join(SCENES))  # fmt: skip
    asked.add_argument("--into", type=Path, default=HERE)
    asked.add_argument("--open", action="store_true", help="with all folds open")
    told = asked.parse_args()
    told.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for one in told.what:
            text = Path(one).read_text() if one.endswith(".md") else comment(one, folder)
            for theme in THEMES:
                target = told.into / f"comment-{Path(one).stem}-{theme}.png"
                picture(page(text, theme, open_=told.open), target, Path(folder))
                print(target, len(text.encode()), "bytes of Markdown")


def page(text, theme, *, open_=False):
    """The comment as a page: what GitHub's Markdown makes of it, in its style."""
    flags = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG
    body = cmarkgfm.github_flavored_markdown_to_html(text, flags)
    body = re.sub(r'<pre lang="mermaid"><code>(.*?)</code></pre>', r'<div class="mermaid">\1</div>',
                  body, flags=re.DOTALL)  # fmt: skip
    if open_:
        body = body.replace("<details>", "<details open>")
    style = NODE / "github-markdown-css" / f"github-markdown-{theme}.css"
    script = NODE / "mermaid" / "dist" / "mermaid.min.js"
    if not (style.exists() and script.exists()):
        raise SystemExit(f"{NODE} does not hold all that is needed: `make pictures`")
    return PAGE.format(
        body=EMOJI.sub(image, body), style=style.as_uri(), mermaid=script.as_uri(),
        theme=THEMES[theme], shade={"light": "#f6f8fa", "dark": "#151b23"}[theme],
    )  # fmt: skip


def image(found):
    """As GitHub has it where a system has no font for it."""
    path = NODE / "@twemoji" / "svg" / f"{ord(found[1]):x}.svg"
    return f'<img class="emoji" src="{path.as_uri()}">' if path.exists() else found[0]


def picture(text, target, folder):
    """What the browser shows of a page, all of its height."""
    path = folder / "page.html"
    path.write_text(text)
    shown = browser(path, "--dump-dom", folder=folder)
    failed = re.search(r'data-failed="([^"]*)"', shown)
    height = re.search(r'data-height="(\d+)"', shown)
    if failed or not height:
        raise SystemExit(f"{target.name}: {html.unescape(failed[1]) if failed else 'no picture'}")
    browser(path, f"--screenshot={target.resolve()}", height=height[1], folder=folder)


def browser(path, *what, folder, height=1000):
    """Chromium, with nothing of the user's."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        raise SystemExit("no Chromium on PATH")
    done = subprocess.run(
        [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--disable-background-networking", "--virtual-time-budget=20000",
         f"--user-data-dir={folder / 'browser'}", f"--window-size={WIDTH},{height}", *what,
         path.as_uri()], capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
