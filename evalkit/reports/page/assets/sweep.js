"use strict";
/* The sweep page works without this script; it lets a reader sort the tables by their numbers. */
(() => {
  function sortBy(table, column, head) {
    const down = head.getAttribute("aria-sort") !== "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = (row) => Number(row.cells[column].dataset.value);
    const rows = [...table.tBodies[0].rows].sort((one, other) => (down ? -1 : 1) * (value(one) - value(other)));
    table.tBodies[0].append(...rows);
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const rows = [...table.tBodies[0].rows];
      if (!rows.length || !rows.every((row) => row.cells[column] && row.cells[column].dataset.value !== undefined)) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(table, column, head));
      head.append(button);
    });
  }
  function mindScrolling() {
    for (const region of document.querySelectorAll(".scroll")) {
      if (region.scrollWidth > region.clientWidth) region.setAttribute("tabindex", "0");
      else region.removeAttribute("tabindex");
    }
  }
  addEventListener("resize", mindScrolling);
  mindScrolling();
})();
