(function () {
  "use strict";
  // Sorting and filtering of one table; a page is whole without it.
  var each = function (list, work) { Array.prototype.forEach.call(list, work); };

  function value(row, place) {
    var cell = row.cells[place];
    var told = cell.getAttribute("data-sort");
    return told === null ? cell.textContent.trim() : told;
  }

  function compare(one, other) {
    if (one === other) { return 0; }
    if (one === "") { return 1; }      // nothing known stands last, either way
    if (other === "") { return -1; }
    var a = Number(one.replace(/,/g, "")), b = Number(other.replace(/,/g, ""));
    if (!isNaN(a) && !isNaN(b)) { return a - b; }
    return one.localeCompare(other, "en-GB");
  }

  each(document.querySelectorAll("table[data-sortable]"), function (table) {
    var body = table.tBodies[0], heads = table.tHead.rows[0].cells, said = document.getElementById("ph-said");
    each(heads, function (head, place) {
      if (head.hasAttribute("data-unsorted")) { return; }
      var button = document.createElement("button"), mark = document.createElement("span");
      button.type = "button";
      button.className = "ph-sort";
      while (head.firstChild) { button.appendChild(head.firstChild); }
      mark.setAttribute("aria-hidden", "true");
      mark.className = "ph-sort__mark";
      mark.textContent = "↕";
      button.appendChild(mark);
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        each(heads, function (other) {
          other.removeAttribute("aria-sort");
          var sign = other.querySelector(".ph-sort__mark");
          if (sign) { sign.textContent = "↕"; }
        });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        mark.textContent = down ? "▼" : "▲";
        var rows = Array.prototype.slice.call(body.rows);
        rows.sort(function (one, other) {
          var a = value(one, place), b = value(other, place);
          return a === "" || b === "" ? compare(a, b) : (down ? -1 : 1) * compare(a, b);
        });
        rows.forEach(function (row) { body.appendChild(row); });
        if (said) {
          said.textContent = "Sorted by " + button.firstChild.textContent.trim() + (down ? ", descending" : ", ascending");
        }
      });
    });
  });

  each(document.querySelectorAll("form[data-filters]"), function (form) {
    var table = document.getElementById(form.getAttribute("data-filters"));
    var rows = Array.prototype.slice.call(table.tBodies[0].rows), said = document.getElementById("ph-said");
    form.hidden = false;
    function apply() {
      var shown = 0, wanted = {}, text = form.elements.text.value.trim().toLowerCase();
      each(form.querySelectorAll("select"), function (select) { wanted[select.name] = select.value; });
      rows.forEach(function (row) {
        var keep = Object.keys(wanted).every(function (name) {
          return !wanted[name] || (" " + row.getAttribute("data-" + name) + " ").indexOf(" " + wanted[name] + " ") >= 0;
        });
        if (keep && text) { keep = row.textContent.toLowerCase().indexOf(text) >= 0; }
        row.hidden = !keep;
        shown += keep ? 1 : 0;
      });
      if (said) { said.textContent = "Showing " + shown + " of " + rows.length + " people on this page"; }
    }
    form.addEventListener("input", apply);
    form.addEventListener("change", apply);
    form.addEventListener("reset", function () { setTimeout(apply, 0); });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
  });
}());
