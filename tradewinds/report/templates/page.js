// What the page can do without a server: themes, ranges, the keyboard, and trades as CSV.
"use strict";
(function () {
  const root = document.documentElement;
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const models = () => Bokeh.documents.flatMap((one) => Array.from(one._all_models.values()));

  // Charts take their ink from the page: Bokeh draws on canvases, which no style sheet reaches.
  function paint() {
    const style = getComputedStyle(root);
    const ink = style.getPropertyValue("--ink").trim(), line = style.getPropertyValue("--line").trim();
    for (const model of models()) {
      if (/Axis$/.test(model.type)) Object.assign(model, { major_label_text_color: ink, axis_label_text_color: ink, axis_line_color: line, major_tick_line_color: line });
      if (model.type === "Title") model.text_color = ink;
      if (model.type === "Grid") model.grid_line_color = line;
      if (model.type === "Legend") Object.assign(model, { label_text_color: ink, background_fill_color: style.getPropertyValue("--card").trim() });
      if (model.type === "Span") model.line_color = ink;
      if ((model.tags || []).includes("ink") && model.glyph) model.glyph.line_color = ink;
    }
  }

  function theme(name) {
    root.dataset.theme = name;
    const button = document.getElementById("theme");
    button.setAttribute("aria-pressed", String(name === "dark"));
    paint();
  }
  document.getElementById("theme").addEventListener("click", () => theme(root.dataset.theme === "dark" ? "light" : "dark"));

  // One range for every panel over time.
  const range = () => models().find((model) => model.name === "time");
  function show(start, end) {
    const time = range(), [low, high] = [Number(root.dataset.first), Number(root.dataset.last)];
    const width = Math.min(Math.max(end - start, (high - low) / 1000), high - low);
    const from = Math.min(Math.max(start, low), high - width);
    time.setv({ start: from, end: from + width });
  }
  function pressed(button) {
    button.parentElement.querySelectorAll("button[data-days]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  }
  all("button[data-days]").forEach((button) => button.addEventListener("click", () => {
    const last = Number(root.dataset.last), days = Number(button.dataset.days);
    show(days ? last - days * 86400000 : Number(root.dataset.first), last);
    pressed(button);
  }));
  all(".panel.time").forEach((panel) => panel.addEventListener("keydown", (event) => {
    const time = range(), width = time.end - time.start, middle = (time.start + time.end) / 2;
    const moves = {
      ArrowLeft: () => show(time.start - width / 10, time.end - width / 10),
      ArrowRight: () => show(time.start + width / 10, time.end + width / 10),
      "+": () => show(middle - width / 4, middle + width / 4),
      "-": () => show(middle - width, middle + width),
      0: () => show(Number(root.dataset.first), Number(root.dataset.last)),
    };
    if (!moves[event.key]) return;
    moves[event.key]();
    event.preventDefault();
  }));

  // Logarithmic or linear equity: two panels, one shown.
  const scale = document.getElementById("scale");
  if (scale) scale.addEventListener("click", (event) => {
    const linear = event.currentTarget.getAttribute("aria-pressed") !== "true";
    event.currentTarget.setAttribute("aria-pressed", String(linear));
    document.getElementById("equity-log").classList.toggle("hidden", linear);
    document.getElementById("equity-linear").classList.toggle("hidden", !linear);
  });

  const download = document.getElementById("download");
  if (download) download.addEventListener("click", () => {
    const cells = (row) => Array.from(row.children).map((cell) => `"${(cell.dataset.v || cell.textContent).trim().replaceAll('"', '""')}"`).join(",");
    const table = document.getElementById("trades");
    const text = [table.tHead.rows[0], ...table.tBodies[0].rows].map(cells).join("\n") + "\n";
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "trades.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const drawn = () => Bokeh.documents.length && (range() || !root.dataset.first);  // not every page is over time
  const ready = () => (drawn() ? theme(root.dataset.theme || wanted) : setTimeout(ready, 30));
  ready();
})();
