"use strict";

function keyOf(row, column) {
  const text = row.cells[column].dataset.key;
  const number = Number(text);
  return text !== "" && !Number.isNaN(number) ? number : text;
}

// Numbers before texts, what is empty last whichever way is up.
function compare(a, b, direction) {
  if (a === "" || b === "") return (a === "") - (b === "");
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return direction * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
}

function sortBy(table, header) {
  const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.sort((a, b) => compare(keyOf(a, header.cellIndex), keyOf(b, header.cellIndex), direction));
  body.append(...rows);
}

async function copyCsv() {
  const area = document.getElementById("csv");
  const said = document.getElementById("copied");
  try {
    await navigator.clipboard.writeText(area.value);
    said.textContent = "Copied.";
  } catch {
    // Without the permission, or from an insecure address, the reader copies it by hand.
    area.hidden = false;
    area.select();
    said.textContent = "The browser does not allow it: press Ctrl-C.";
  }
}

for (const table of document.querySelectorAll("table.runs")) {
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector("button").addEventListener("click", () => sortBy(table, header));
  }
}
document.getElementById("copy").addEventListener("click", copyCsv);
