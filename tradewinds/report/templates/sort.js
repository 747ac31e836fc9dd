// Tables whose heads are buttons are sorted by the raw values in data-v, or by what they show.
"use strict";
(function () {
  document.querySelectorAll("table.sortable th").forEach((head) => {
    head.querySelector("button").addEventListener("click", () => {
      const table = head.closest("table"), body = table.tBodies[0];
      const up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const position = Array.from(head.parentElement.children).indexOf(head);
      const value = (row) => row.children[position].dataset.v ?? row.children[position].textContent.trim();
      const rows = Array.from(body.rows).sort((one, two) => {
        const [a, b] = [value(one), value(two)], [x, y] = [Number(a), Number(b)];
        return (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y) * (up ? 1 : -1);
      });
      body.append(...rows);
    });
  });
})();
