"""A page in a real browser: what it did on its way, whom it asked, and how it looks."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --hide-scrollbars --virtual-time-budget=8000 "
    "--window-size=1200,2000"
)

LISTEN = """<script>
window.faults = [];
addEventListener("error", (event) => faults.push(String(event.message)));
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
for (const name of ["error", "warn"]) console[name] = (...words) => faults.push(words.join(" "));
</script>"""
LOOK = """<script>
addEventListener("load", () => setTimeout(() => {
  const asked = performance.getEntriesByType("resource").map((one) => one.name);
  const seen = {
    faults, asked: asked.filter((one) => !/^(data|blob):/.test(one)), title: document.title,
    beyond: document.documentElement.scrollWidth - innerWidth, width: innerWidth,
    theme: document.documentElement.dataset.theme, canvases: document.querySelectorAll("[data-root-id]").length,
    rows: document.querySelectorAll("#runs tbody tr").length,
    cells: Array.from(document.querySelectorAll("#folds tbody td")).map((cell) => cell.textContent.trim()),
    first: (document.querySelector("#runs tbody td") || {}).textContent,
  };
  const head = document.querySelector("#runs th button");
  if (head) { head.click(); seen.sorted = document.querySelector("#runs tbody td").textContent; }
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.append(out);
}, 1500));
</script>"""


def opened(page: Path, folder: Path, drive: str = LOOK, *options: str) -> dict:
    """Open a page, drive it, and return what was seen."""
    text = page.read_text(encoding="utf-8").replace("<head>", f"<head>{LISTEN}", 1)
    folder.mkdir(exist_ok=True)
    (folder / "driven.html").write_text(text.replace("</body>", f"{drive}</body>"), encoding="utf-8")
    command = [
        CHROMIUM, *FLAGS.split(), *options, "--host-resolver-rules=MAP * ~NOTFOUND",
        f"--user-data-dir={folder / 'profile'}", "--dump-dom", (folder / "driven.html").as_uri(),
    ]  # fmt: skip
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    found = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.DOTALL)
    assert found, "the page never came to its end"
    return json.loads(html.unescape(found[1]))
