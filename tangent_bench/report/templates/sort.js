function sortKey(cell) {
  const value = cell.dataset.value;
  return value === undefined ? cell.textContent.trim() : Number(value);
}

// Numbers come before words.
function compare(a, b) {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true});
}

function nextOrder(heading) {
  const orders = ["descending", "ascending"];
  if (heading.classList.contains("words")) orders.reverse();
  return orders[orders.indexOf(heading.getAttribute("aria-sort")) + 1];
}

// A heading sorts its column one way, then the other, then restores the order.
// Empty cells stay last.
function sort(table, heading, original) {
  const order = nextOrder(heading);
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  if (!order) {
    table.tBodies[0].append(...original);
    return;
  }
  heading.setAttribute("aria-sort", order);
  const cell = row => row.cells[heading.cellIndex];
  const isEmpty = row => ["", "\u2013"].includes(cell(row).textContent.trim());
  const sign = order === "ascending" ? 1 : -1;
  const rows = original.filter(row => !isEmpty(row));
  rows.sort((a, b) => sign * compare(sortKey(cell(a)), sortKey(cell(b))));
  table.tBodies[0].append(...rows, ...original.filter(isEmpty));
}

for (const table of document.querySelectorAll("table.sortable")) {
  const original = [...table.tBodies[0].rows];
  for (const button of table.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(table, button.parentElement, original));
  }
}
