// A box above each long table that hides the rows without the words typed.
function filterTables() {
  for (const table of document.querySelectorAll("article table")) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 30 || table.dataset.filtered) continue;
    table.dataset.filtered = "yes";
    const box = document.createElement("input");
    box.type = "search";
    box.className = "table-filter";
    box.placeholder = `filter ${rows.length} rows`;
    box.setAttribute("aria-label", box.placeholder);
    box.addEventListener("input", () => {
      const words = box.value.toLowerCase().split(/\s+/);
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
      }
    });
    (table.closest(".md-typeset__scrollwrap") || table).before(box);
  }
}
document.addEventListener("DOMContentLoaded", filterTables);
