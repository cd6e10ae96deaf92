"""What letters say: every sentence in both languages, templates that a merchant may replace, broken ones found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from workers import notices
from workers.http import pages
from workers.http.branding import Branding
from workers.notices.look import FOLDER, SUFFIX, Look, TemplateBrokenError
from workers.notices.samples import SAMPLES

HERE: Final = Path(notices.__file__).parent
CATALOGUES: Final = (
    HERE / "locale/zh/LC_MESSAGES/notices.po",
    Path(pages.__file__).parent / "locale/zh/LC_MESSAGES/pages.po",
)
TRIMMED: Final = {"templates/**": {"newstyle_gettext": "true", "silent": "false"}}
KEYWORDS: Final[dict[str, Any]] = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PARTS: Final = re.compile(r"%\((\w+)\)s")
BRAND: Final = Branding(None).named


def sentences() -> set[str]:
    """Return what the templates and the code of letters say."""
    methods = [("templates/**", "jinja2"), ("**.py", "python")]
    found = extract_from_dir(HERE, methods, TRIMMED, keywords=KEYWORDS)
    return {one if isinstance(one, str) else one[0] for _, _, one, _, _ in found}


def chinese(path: Path) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        for message in read_po(file):
            if message.id:
                name = message.id if isinstance(message.id, str) else message.id[0]
                yield name, message.string if isinstance(message.string, str) else (message.string or [""])[0]


def test_every_sentence_is_translated_and_keeps_its_parts() -> None:
    """Nothing in a Chinese letter is English by oversight; what pages say too is translated there."""
    own, of_pages = (dict(chinese(path)) for path in CATALOGUES)
    said = sentences()
    assert len(said) >= 3

    known = of_pages | own
    assert [one for one in said if not known.get(one)] == []
    assert [one for one in said if set(PARTS.findall(one)) != set(PARTS.findall(known[one]))] == []
    assert own.keys() - said == set()


def test_every_template_is_tried_when_the_worker_starts() -> None:
    """Each kind has parts made up for it, and can be drawn with them in both languages, as text and as HTML."""
    assert {path.stem for path in FOLDER.glob(f"*{SUFFIX}")} == set(SAMPLES)

    Look(None, BRAND).check(SAMPLES)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_letter_says_the_same_as_text_and_as_html(kind: str) -> None:
    """The text is no HTML, every link stands in both, and the subject is one line."""
    drawn = Look(None, BRAND).draw(kind, "en", SAMPLES[kind])

    assert not re.search(r"<\w|&amp;|&#", drawn.text)
    assert "\n" not in drawn.subject
    assert set(re.findall(r"https://[^\s\"<]+", drawn.text)) == set(re.findall(r"https://[^\s\"<]+", drawn.html))
    assert "\n\n\n" not in drawn.text


def test_what_customers_write_is_text() -> None:
    """Markup in what comes from outside is shown, never obeyed, and a template in it is never run."""
    hostile = "<img src=x onerror=alert(1)> {{ 7 * 7 }} {% include 'x' %}"
    drawn = Look(None, BRAND).draw("plain", "en", {"subject": hostile, "text": hostile, "link": ""})

    assert "<img" not in drawn.html
    assert "{{ 7 * 7 }}" in drawn.html
    assert hostile in drawn.text


def test_a_merchants_template_stands_in_the_place_of_ours(tmp_path: Path) -> None:
    """One file is enough; whatever else there is stays ours."""
    own = "{% extends layout %}{% block subject %}Hi{% endblock %}{% block body %}{{ link }} :-){% endblock %}"
    (tmp_path / "start_link.jinja").write_text(own)
    look = Look(tmp_path, BRAND)
    look.check(SAMPLES)

    drawn = look.draw("start_link", "en", SAMPLES["start_link"])
    assert (drawn.subject, ":-)" in drawn.text, ":-)" in drawn.html) == ("Hi", True, True)
    assert look.draw("plain", "en", SAMPLES["plain"]) == Look(None, BRAND).draw("plain", "en", SAMPLES["plain"])


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% extends layout %}\n{% block subject %}{% if %}", "start_link.jinja, line 2: "),
        ("{% extends layout %}{% block subject %}{{ lnik }}{% endblock %}", "start_link.jinja: 'lnik' is undefined"),
        ("{% extends layout %}{% block body %}{{ link }}{% endblock %}", "start_link.jinja: it has no subject"),
        ("{% extends 'nothing' %}", "start_link.jinja: nothing"),
        ("{{ ''.__class__.__mro__ }}", "start_link.jinja: "),
        ("{% block subject %}{{ 1 / 0 }}{% endblock %}", "start_link.jinja: division by zero"),
    ],
)
def test_a_broken_template_is_found_at_the_start(tmp_path: Path, template: str, said: str) -> None:
    """In one line that names the file, and the line where it is known."""
    (tmp_path / "start_link.jinja").write_text(template)

    with pytest.raises(TemplateBrokenError) as broken:
        Look(tmp_path, BRAND).check(SAMPLES)

    assert str(broken.value).startswith(said)
    assert "\n" not in str(broken.value)
