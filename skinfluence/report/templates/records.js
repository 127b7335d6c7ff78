"use strict";
// Sorts, filters and pages the table of rows. Without this script all rows are there, in order.
// Every record is a <tbody>, its facts the first row.

const el = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

const cell = (record, column) => record.rows[0].cells[column];

const key = (record, column) => {
  const { value } = cell(record, column).dataset;
  const text = value ?? cell(record, column).textContent.trim();
  return text !== "" && isFinite(text) ? Number(text) : text;
};

const compare = (a, b) => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
};

function enhance(table) {
  const records = [...table.tBodies];
  const headers = [...table.tHead.rows[0].cells];
  const texts = new Map(records.map((record) => [record, record.textContent.toLowerCase()]));
  const filters = [];
  let page = 0;

  const search = el("input", { type: "search", name: "search" });
  const size = el("select", { name: "size" }, ...[10, 25, 50, "all"].map((n) => el("option", { value: n }, String(n))));
  size.value = table.dataset.pageSize;
  const status = el("span", { className: "status" });
  status.setAttribute("role", "status");
  const previous = el("button", { type: "button" }, "Previous");
  const next = el("button", { type: "button" }, "Next");

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = [...table.tBodies].filter((record) => {
      const fits = words.every((word) => texts.get(record).includes(word)) && filters.every((holds) => holds(record));
      record.hidden = !fits;
      return fits;
    });
    const length = size.value === "all" ? Math.max(shown.length, 1) : Number(size.value);
    const last = Math.max(Math.ceil(shown.length / length) - 1, 0);
    page = Math.min(page, last);
    const start = page * length;
    shown.forEach((record, i) => record.classList.toggle("off-page", i < start || i >= start + length));
    const end = Math.min(start + length, shown.length);
    status.textContent = shown.length ? `${start + 1}–${end} of ${shown.length}` : "No row fits";
    previous.disabled = page === 0;
    next.disabled = page === last;
  };

  const restart = () => { page = 0; show(); };
  const turn = (step) => { page += step; show(); table.scrollIntoView(); };
  search.addEventListener("input", restart);
  size.addEventListener("change", restart);
  previous.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));

  const sort = (header, column) => {
    const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headers.forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    const order = [...records].sort((a, b) => direction * compare(key(a, column), key(b, column)));
    table.append(...order);
    restart();
  };

  const controls = el("div", { className: "controls" }, el("label", {}, "Search", search));
  headers.forEach((header, column) => {
    const name = header.textContent.trim();
    if ("sort" in header.dataset) {
      const button = el("button", { type: "button" }, name);
      button.addEventListener("click", () => sort(header, column));
      header.replaceChildren(button);
    }
    if (!("filter" in header.dataset)) return;
    const values = [...new Set(records.map((record) => cell(record, column).textContent.trim()))];
    if (values.length < 2 || values.length > 30) return;
    const options = values.sort(compare).map((value) => el("option", { value }, value));
    const select = el("select", {}, el("option", { value: "" }, "all"), ...options);
    select.addEventListener("change", restart);
    filters.push((record) => !select.selectedIndex || cell(record, column).textContent.trim() === select.value);
    controls.append(el("label", {}, name, select));
  });
  controls.append(el("label", {}, "Rows a page", size));
  table.before(controls);
  table.after(el("div", { className: "controls pager" }, previous, status, next));
  show();
}

document.querySelectorAll("table.records").forEach(enhance);
