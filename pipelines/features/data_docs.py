"""Data Docs: Great Expectations' page of each table and day, and an index over them, readable without a network."""

from __future__ import annotations

import json
import re
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any, Final

from feature_repo.exclusive import exclusive
from feature_repo.home import Home
from pipelines.reporting.page import page, write_page

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

FETCHED: Final = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>|<nav class=\"navbar.*?</nav>\s*</div>\s*</nav>", re.S
)
"""What a page of Great Expectations loads from elsewhere, or only shows with it."""
STYLE: Final = """
.card, .ge-breadcrumbs, br { display: none; } h4, h5 { font-size: 1.1rem; margin: 1.5rem 0 .2rem; } h6 { display: none; }
table { width: auto; } td, th { text-align: left; vertical-align: top; } p.lead { color: #5b6b7b; margin-top: .2rem; }
.fa-check-circle::before { content: "✓"; color: #0a7a3c; }
.fa-times::before, .fa-exclamation-triangle::before { content: "✗"; color: #b3261e; }
"""


def write_docs(home: Home, table: str, day: date, outcome: ExpectationSuiteValidationResult, rows: int, bad: int) -> None:
    """Writes the day's page of a table and brings the index up to date."""
    folder = home.data_docs / table
    text = f"<p class='sub'><a href='../index.html'>All tables</a></p><h1>{escape(table)}, {day}</h1>{_body(outcome)}"
    write_page(folder / f"{day}.html", page(f"{table} {day}", text, STYLE))
    statistics: Any = outcome.statistics
    found = {"rows": rows, "bad": bad, "expectations": statistics["evaluated_expectations"], "held": statistics["successful_expectations"]}
    with exclusive(home, "data_docs"):  # days are checked side by side: whoever writes the index last must have seen every page
        write_page(folder / f"{day}.json", json.dumps(found) + "\n")
        write_page(home.data_docs / "index.html", _index(home))


def _body(outcome: ExpectationSuiteValidationResult) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    whole = str(DefaultJinjaPageView().render(ValidationResultsPageRenderer(run_info_at_end=True).render(outcome)))
    whole = re.sub(r"<a href=\"[^#\"][^\"]*\"[^>]*>(.*?)</a>", r"\1", whole, flags=re.S)  # to pages that a whole site would have
    return FETCHED.sub("", whole[whole.index("<body>") + len("<body>") : whole.rindex("</body>")])


def _index(home: Home) -> str:
    found = sorted(home.data_docs.glob("*/*.json"), key=lambda path: path.parent.name)
    found = sorted(found, key=lambda path: path.stem, reverse=True)
    rows, before = "", ""
    for path in found:
        one, first = json.loads(path.read_text()), path.stem != before
        before = path.stem
        kind = "bad" if one["bad"] else "good"
        rows += (
            f"<tr class='{'first' if first else ''}'><td>{path.stem if first else ''}</td>"
            f"<td class='l'><a href='{path.parent.name}/{path.stem}.html'>{path.parent.name}</a></td><td>{one['rows']:,}</td>"
            f"<td class='{kind}'>{one['bad']:,}</td><td>{one['held']} of {one['expectations']}</td></tr>"
        )
    head = "<tr><th>day</th><th class='l'>table</th><th>rows</th><th>bad rows</th><th>expectations held</th></tr>"
    about = "What Great Expectations found in each staged table. Bad rows are set aside with their reasons; above 5 % nothing is published."
    return page("Data Docs", f"<h1>Data Docs</h1><p class='sub'>{about}</p><table>{head}{rows}</table>")
