"""Pages: who may see a number, whole and equal bytes, small files, and figures that are those of the parcel."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from markupsafe import escape

from pophealth.delivery.pages import render_site
from pophealth.delivery.pages.render import STYLES, asset
from pophealth.errors import UsageError
from pophealth.terms import SERVICES
from test_support.parcels import Made, made_parcel

NUMBER = re.compile(r"999[ ]?\d{3}[ ]?\d{4}")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    render_site(made_parcel(), folder)
    return folder


def pages(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*.html"))}


def test_every_page_is_there_and_named_in_the_answer(tmp_path: Path) -> None:
    written = render_site(made_parcel(), tmp_path)
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(set(written)) == len(written)
    names = {str(path.relative_to(tmp_path)) for path in written}
    services = [service.replace("_", "-") for service in SERVICES]
    assert {"index.html", "site/worklist-1.html", "site/quality.html", "site/about.html"} <= names
    assert {f"site/service-{service}.html" for service in services} <= names
    assert {f"practices/A81001/site/rules-{service}.html" for service in services} <= names
    assert {f"practices/A81002/site/assets/{style}" for style in STYLES} <= names
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", name) for name in names)


def test_the_same_parcel_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    render_site(made_parcel(), tmp_path)
    for path in sorted(site.rglob("*")):
        if path.is_file():
            assert (tmp_path / path.relative_to(site)).read_bytes() == path.read_bytes(), path.name


def test_without_an_agreement_no_number_stands_on_a_network_page(tmp_path: Path) -> None:
    """Even if the parcel held numbers by mistake."""
    parcel = made_parcel()
    render_site(replace(parcel, facts=parcel.facts | {"network_sharing_agreement": None}), tmp_path)
    found = pages(tmp_path)
    network = [text for name, text in found.items() if not name.startswith("practices/")]
    assert sum(len(NUMBER.findall(text)) for text in network) == 0
    assert sum("practices/" in text for text in network) == 0, "the network's pages point into a practice's"
    own = found["practices/A81001/site/worklist-1.html"]
    assert len(NUMBER.findall(own)) > 20


def test_with_an_agreement_the_numbers_and_its_reference_stand_there(site: Path) -> None:
    found = pages(site)
    assert NUMBER.search(found["site/worklist-1.html"])
    assert all("DSA 1" in text for text in found.values())
    assert "999 000 " in found["site/worklist-1.html"], "numbers are written 3-3-4"


def test_a_practice_sees_its_own_people_only(site: Path) -> None:
    parcel = made_parcel()
    everybody = parcel.worklist.select("practice_code", "patient_id", "nhs_number")
    for code in parcel.facts["practices"]:
        text = " ".join(text for name, text in pages(site).items() if name.startswith(f"practices/{code}/"))
        for practice, person, number in everybody.iter_rows():
            grouped = f"{number[:3]} {number[3:6]} {number[6:]}"
            assert (person in text, grouped in text) == ((practice == code,) * 2), "a stranger on a practice's page"


def test_no_practice_pages_where_there_are_no_practices(tmp_path: Path) -> None:
    render_site(made_parcel(practices=None), tmp_path)
    assert not (tmp_path / "practices").exists()
    assert 'href="practices/' not in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("purpose", ["development", "commissioning"])
def test_identifiable_pages_exist_for_case_finding_only(tmp_path: Path, purpose: str) -> None:
    parcel = made_parcel(agreement=None)
    other = replace(parcel, facts=parcel.facts | {"purpose": purpose})
    if purpose == "commissioning":
        with pytest.raises(UsageError, match="commissioning has no pages"):
            render_site(other, tmp_path)
        assert not list(tmp_path.rglob("*"))
    else:
        render_site(other, tmp_path)
        assert not (tmp_path / "practices").exists()
        assert not any(NUMBER.search(text) for text in pages(tmp_path).values())


def test_every_page_says_what_it_is_not(site: Path) -> None:
    for name, text in pages(site).items():
        assert "not an alerting service" in text, name
        assert "Prompts for a clinician, not decisions" in text, name
        assert "Nothing is written back to a record" in text, name
        assert "Synthetic data: nobody here is real" in text, name


def test_a_title_begins_with_the_name(site: Path) -> None:
    for name, text in pages(site).items():
        title = re.search(r"<title>(.*?)</title>", text)
        assert title is not None
        practice = re.match(r"practices/([^/]+)/", name)
        assert title[1].startswith(f"Surgery {practice[1]}: " if practice else "Made-up Network: "), name


class Links(HTMLParser):
    """Collects ids, and what links, pictures and styles point to; checks tables on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.to: list[str] = []
        self.tables = self.captions = 0
        self.heads_without_scope = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        self.to += [given[name] for name in ("href", "src") if given.get(name)]
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.heads_without_scope += tag == "th" and given.get("scope") not in ("col", "row")


def test_every_link_leads_somewhere_and_every_table_has_caption_and_scope(site: Path) -> None:
    parsed: dict[Path, Links] = {}
    for path in site.rglob("*.html"):
        parsed[path.resolve()] = Links()
        parsed[path.resolve()].feed(path.read_text("utf-8"))
    outside = set()
    for path, links in parsed.items():
        assert links.tables == links.captions, path.name
        assert links.heads_without_scope == 0, path.name
        assert len(set(links.ids)) == len(links.ids), f"{path.name}: an id stands twice"
        for address in links.to:
            if address.startswith("https:"):
                outside.add(address)
                continue
            where, _, anchor = address.partition("#")
            target = (path.parent / where).resolve() if where else path
            assert target.is_file(), f"{path.name} points to {address}"
            if anchor and anchor != "maincontent":
                assert anchor in parsed[target].ids, f"{path.name} points to {address}"
    assert outside == {"https://qrisk.org"}


def test_a_practice_folder_can_be_handed_on_by_itself(site: Path) -> None:
    for path in (site / "practices" / "A81001").rglob("*.html"):
        parser = Links()
        parser.feed(path.read_text("utf-8"))
        assert not [address for address in parser.to if address.startswith("..")], path.name


def test_the_numbers_are_those_of_the_parcel(site: Path) -> None:
    parcel = made_parcel()
    front = (site / "index.html").read_text()
    listed = parcel.members.filter(pl.col("status") == "listed")
    urgent = parcel.worklist.filter(pl.col("place") == "urgent").height
    assert 0 < urgent < parcel.worklist.height
    assert re.search(rf'ph-answer__figure">{urgent}</p>', front)
    assert f"{listed['patient_id'].n_unique()} of 240 registered people are on at least one list" in front
    rules = parcel.summary["rules"]
    for rule_id, rule in rules.items():
        page = (site / "site" / f"service-{rule['service'].replace('_', '-')}.html").read_text()
        section = page[page.index(f'<h2 id="{rule_id}"') :].split("</section>")[0]
        if rule["not_computable"]:
            assert rule["not_computable"] in section
            assert "<dd>" not in section.split("The rule in plain words")[0]
            continue
        figures = [int(number) for number in re.findall(r"<dd>(\d+)</dd></div>", section)]
        expected = [rule[key] for key in ("listed", "met", "adjusted", "excluded", "unknown", "near_misses")]
        assert figures == expected, rule_id
        assert rule["listed"] == listed.filter(pl.col("rule_id") == rule_id).height


def test_marks_stand_beside_numbers_and_rules(site: Path) -> None:
    parcel = made_parcel()
    found = pages(site)
    for rule_id, rule in parcel.summary["rules"].items():
        service = rule["service"].replace("_", "-")
        for kind in ("service", "rules"):
            page = found[f"site/{kind}-{service}.html"]
            section = page[page.index(f'<h2 id="{rule_id}"') :].split("</section>")[0]
            assert ("To be confirmed: " in section) == ("K" in rule["evidence"])
            assert ("Carried from 2023-24" in section) == (rule["carried_from"] is not None)
            assert ("Not computable: " in section) == (rule["not_computable"] is not None)
            assert "Source:</strong>" in section


def test_everybody_of_the_worklist_has_one_row_with_reasons(site: Path) -> None:
    parcel = made_parcel()
    text = "".join(text for name, text in sorted(pages(site).items()) if name.startswith("site/worklist-"))
    rows = re.findall(r'<tr data-place="(\w+)".*?Full reference (\w+)</p>', text, re.DOTALL)
    assert rows == list(parcel.worklist.sort("order").select("place", "patient_id").cast(pl.String).iter_rows())
    assert text.count("Systolic blood pressure") > 50
    assert "Age: 82 years raises it" in text
    assert "On a statin: not recorded lowers it" in text
    assert "nothing recorded of blood pressure in the last 60 months" in text
    assert "Not known from the record: " in text


def test_what_puts_a_person_first_is_told_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An urgent person's urgent list, and of those owed an offer the list that owes it, whatever order the rules came in."""
    from pophealth.delivery.pages import front as front_page

    monkeypatch.setattr(front_page, "FIRST_TO_RING", 60)
    parcel = made_parcel(practices=None)
    rules = parcel.summary["rules"]
    render_site(parcel, tmp_path)
    front = (tmp_path / "index.html").read_text()
    ring = front[front.index('id="ring-caption"') :].split("</table>")[0]
    rows = re.findall(
        r'ph-place--(urgent|owed)">.*?ph-need">(.*?)(?:: <strong>(.*?)</strong>)?</span>', ring, re.DOTALL
    )
    assert {place for place, *_ in rows} == {"urgent", "owed"}
    urgent = {escape(t["label"]) for rule in rules.values() for t in rule["declared_tiers"] if t["urgent"]}
    owed = {escape(rule["title"]) for rule in rules.values() if rule["owed"]}
    assert all(tier in urgent if place == "urgent" else title in owed for place, title, tier in rows)


def test_what_monitoring_saw_stands_on_the_page_of_data_quality(site: Path) -> None:
    page = (site / "site" / "quality.html").read_text()
    drift, outcome = re.findall(
        r"<tr><th scope=\"row\">Emergency admission within 12 months</th>.*?</tr>", page, re.DOTALL
    )
    assert "Stability index of eFI deficit count: 0.31, limit 0.2" in drift
    assert "EFI deficit count: 0.31" in drift.replace("eFI", "EFI")
    assert re.findall(r">([0-9.]+)(?: %)?</td>", drift) == ["3", "220", "0.04", "12"]
    assert [int(number) for number in re.findall(r">(\d+)</td>", outcome)] == [200, 18, 21]
    assert "+1.0 (−2.0 to +4.0)" in outcome
    assert "31 January 2024" in outcome


def test_disagreements_stand_first_and_are_counted(site: Path) -> None:
    page = (site / "site" / "quality.html").read_text()
    progress = page[page.index('id="progress-caption"') :].split("</table>")[0]
    assert re.findall(r"(\d+ of \d+ answers)", progress) == ["1 of 6 answers"]


def test_causes_are_those_of_everybody_who_went_also_of_those_of_whom_no_row_is_left(site: Path) -> None:
    parcel = made_parcel()
    front = (site / "index.html").read_text()
    rows = dict(re.findall(r'<tr><th scope="row">([^<]*)</th><td class="ph-number">\d+</td><td class="ph-number">(\d+)</td></tr>',
                           front[front.index('id="changes-caption"') :].split("</table>")[0]))  # fmt: skip
    assert rows["Left the practice"] == "5"
    assert rows["Opted out"] == "4"
    assert rows["Died"] == "3"
    came = parcel.changes.filter(pl.col("change") == "entered").height
    assert f"+{came} / −12" in front
    places = front[front.index('id="changes-role-caption"') :].split("</table>")[0]
    assert "Places went to others" in places


def test_who_falls_off_and_who_comes_on_is_named(tmp_path: Path) -> None:
    """The nearest to the edge first, by number where it may stand; the urgent are not among them."""
    parcel = made_parcel()
    people = parcel.worklist["patient_id"].to_list()[:20]
    role = parcel.summary["plan"]["if_slots_change"][0]["role"]
    offers = pl.DataFrame(
        {
            "patient_id": people,
            "role": role,
            "is_urgent": [True, *[False] * 19],
            "is_owed": False,
            "order": range(1, 21),
            "slots_until_here": range(2, 42, 2),
        }
    )
    plan = parcel.summary["plan"] | {
        "by_role": [{**parcel.summary["plan"]["by_role"][0], "role": role, "slots": 20}],
        "if_slots_change": [
            {"role": role, "slots_delta": d, "people_delta": p} for d, p in ((-4, -2), (14, 7), (1, 0))
        ],
    }
    render_site(replace(parcel, offers=offers, summary=parcel.summary | {"plan": plan}, practices=None), tmp_path)
    front = (tmp_path / "index.html").read_text()
    rows = re.findall(r"<tr>.*?</tr>", front[front.index('id="slots-caption"') :].split("</table>")[0], re.DOTALL)[1:]
    numbers = dict(parcel.worklist.select("patient_id", "nhs_number").iter_rows())
    said = [f"{n[:3]} {n[3:6]} {n[6:]}" for n in (numbers[person] for person in people)]
    assert len(rows) == 2, "a change that moves nobody is not shown"
    assert f">{said[9]}, {said[8]}<" in rows[0]
    assert f">{', '.join(said[10:15])} and 2 more<" in rows[1]


def test_long_worklists_are_cut_and_who_is_left_out_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pophealth.delivery.pages import people, worklists

    monkeypatch.setattr(people, "WAITING_SHOWN", 5)
    monkeypatch.setattr(worklists, "MOST_PEOPLE", 10)
    parcel = made_parcel()
    render_site(parcel, tmp_path)
    found = sorted((tmp_path / "site").glob("worklist-*.html"), key=lambda path: int(path.stem.split("-")[1]))
    waiting = parcel.worklist.filter(pl.col("place") == "waiting").height
    assert waiting > 5
    shown = parcel.worklist.height - waiting + 5
    rows = [path.read_text().count("<tr data-place") for path in found]
    assert sum(rows) == shown
    assert max(rows) == 10
    assert len(found) == -(-shown // 10)
    assert all(f"{waiting - 5} more" in path.read_text() for path in found)
    assert all('aria-current="page"' in path.read_text() for path in found)


def test_no_file_is_large(tmp_path: Path) -> None:
    written = render_site(made_parcel(Made(people=900, listed=800, records=12, practices=1)), tmp_path)
    assert max(path.stat().st_size for path in written) < 2_000_000


def test_an_empty_network_has_pages_too(tmp_path: Path) -> None:
    parcel = made_parcel()
    nobody = {
        name: getattr(parcel, name).clear() for name in ("members", "evidence", "worklist", "changes", "contributions")
    }
    practices = {code: frame.clear() for code, frame in (parcel.practices or {}).items()}
    render_site(replace(parcel, practices=practices, **nobody), tmp_path)
    assert "Nobody is on a list" in (tmp_path / "site" / "worklist-1.html").read_text()
    assert "Nobody is in an urgent tier or owed an offer" in (tmp_path / "index.html").read_text()


def test_a_first_run_compares_itself_with_nothing(tmp_path: Path) -> None:
    parcel = made_parcel()
    first = parcel.summary | {"changes": {"previous_run": None, "by_rule": {}}}
    render_site(replace(parcel, summary=first, changes=parcel.changes.clear()), tmp_path)
    assert "This is the first run" in (tmp_path / "index.html").read_text()


def test_a_rule_of_a_site_is_shown_although_a_closed_row_has_no_offer(tmp_path: Path) -> None:
    """A row that an action closed counts as listed and stands in no place."""
    parcel = made_parcel()
    members = parcel.members.with_columns(pl.when(pl.col("status") == "listed").then(pl.lit("closed")).alias("place"))
    render_site(replace(parcel, members=members), tmp_path)
    assert re.search(r"\d+ of 240 registered people are on at least one list", (tmp_path / "index.html").read_text())


def test_the_vendored_style_sheet_is_the_one_notice_names_and_refers_to_nothing() -> None:
    style = asset(STYLES[0])
    notice = (ROOT / "NOTICE").read_text()
    assert hashlib.sha256(style.encode()).hexdigest() in notice
    assert hashlib.sha256((ROOT / "tests/browser/assets/axe-4.14.1.min.js").read_bytes()).hexdigest() in notice
    for sheet in STYLES:
        assert re.search(r"url\(|https?:|@import|@font-face|frutiger", asset(sheet), re.IGNORECASE) is None, sheet
    assert len(style) < 1_000_000
