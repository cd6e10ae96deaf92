"""Who comes in at the desk and the bench, as what, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings import Settings
from tests.support.oidc import SECRET, Provider
from tests.support.pages import Browser, Page
from workers.http import staff
from workers.http.door import Door

SignedIn = Callable[[str], Browser]


def through(browser: Browser, **query: str) -> Page:
    """Sign in by the provider, as a browser does."""
    return browser.look("/staff/sign-in/oidc", params=query)


@pytest.fixture
def vouches(provider: Provider) -> Callable[..., None]:
    """Say whom the provider signs in, and what it lies about."""

    def say(claims: dict[str, Any], **forged: Any) -> None:
        provider.claims, provider.forged = claims, forged
        provider.signs_with, provider.algorithm = None, "RS256"

    return say


def test_nobody_sees_the_desk_who_is_not_signed_in(browser: Browser) -> None:
    """The browser is sent to the sign-in, which leads back to where it wanted to go, and nowhere else."""
    sent = browser.get("/desk?queue=overdue", follow_redirects=False)

    assert (sent.status_code, sent.headers["location"]) == (303, "/staff/sign-in?next=%2Fdesk%3Fqueue%3Doverdue")
    for path in ("/desk", "/desk/search?q=x", "/desk/returns/x", "/desk/orders/x", "/desk/files/x", "/staff"):
        assert browser.get(path, follow_redirects=False).status_code == 303, path


def test_a_fixed_person_comes_in_on_a_laptop_and_every_page_says_so(browser: Browser) -> None:
    """By a button; the banner is on customers' pages, too."""
    offered = browser.look("/staff/sign-in", params={"next": "/desk?queue=overdue"})
    form = next(form for form in offered.forms if ("person", "ada") in form.fields)

    entered = Page(browser.post(form.action, data=dict(form.fields)))

    assert str(entered.response.url).endswith("/desk?queue=overdue")
    assert "Nothing waits here" in entered.text or "Overdue" in entered.text
    for page in (offered, entered, browser.look("/returns/start")):
        assert "anybody may sign in as anyone" in page.text


def test_a_role_leads_where_it_works(signed_in: SignedIn) -> None:
    """Agents, supervisors and auditors to the desk; the warehouse does not see it."""
    assert signed_in("ada").look("/staff").response.url.path == "/desk"
    assert signed_in("olu").look("/staff").response.url.path == "/desk"
    refused = signed_in("wei").look("/desk")
    assert (refused.status, "Your role does not include this" in refused.text) == (403, True)


def test_the_provider_vouches_for_an_agent(browser: Browser, vouches: Callable[..., None]) -> None:
    """By a code with PKCE; his name is on the page, his roles are those of the claim."""
    vouches({"sub": "u-17", "name": "Grace <b>Hopper</b>", "roles": ["agent", "unheard-of"]})

    entered = through(browser, next="/desk?queue=appeals")

    assert str(entered.response.url).endswith("/desk?queue=appeals")
    assert "Grace <b>Hopper</b>" in entered.text
    assert "<b>Hopper" not in entered.response.text


def test_who_has_no_role_is_told_so(browser: Browser, vouches: Callable[..., None]) -> None:
    """403, and a word of whom to ask."""
    vouches({"sub": "u-18", "name": "Nobody"})

    entered = through(browser)

    assert (entered.status, "have no role here" in entered.text) == (403, True)


@pytest.mark.parametrize(
    ("claims", "forged"),
    [
        ({"sub": "u-1"}, {"nonce": "another"}),
        ({"sub": "u-1"}, {"iss": "https://evil.example"}),
        ({"sub": "u-1"}, {"aud": "somebody-else"}),
        ({"sub": "u-1"}, {"exp": 1_000}),
        ({"sub": "one two"}, {}),
        ({}, {}),
    ],
    ids=["nonce", "issuer", "audience", "expired", "name that commands cannot hold", "no name"],
)
def test_a_token_that_is_not_for_us_lets_nobody_in(
    browser: Browser, vouches: Callable[..., None], claims: dict[str, Any], forged: dict[str, Any]
) -> None:
    """Whatever the provider, or somebody in its place, says."""
    vouches({"roles": ["agent"], **claims}, **forged)

    refused = through(browser)

    assert (refused.status, "That did not work" in refused.text) == (403, True)
    assert browser.get("/desk", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_token_signed_by_what_everybody_knows_lets_nobody_in(
    browser: Browser, provider: Provider, vouches: Callable[..., None], algorithm: str
) -> None:
    """A shared secret and no signature at all are refused, though the provider's description offers them."""
    vouches({"sub": "u-1", "roles": ["agent"]})
    provider.algorithm, provider.signs_with = algorithm, SECRET

    assert through(browser).status == 403


def test_an_answer_that_nobody_asked_for_lets_nobody_in(browser: Browser, vouches: Callable[..., None]) -> None:
    """Another browser's code, an old state, no state: a stolen or planted answer signs nobody in."""
    vouches({"sub": "u-1", "roles": ["agent"]})
    begun = browser.get("/staff/sign-in/oidc", follow_redirects=False)
    answer = browser.get(begun.headers["location"], follow_redirects=False).headers["location"]

    stranger = browser.another().get(answer)
    wrong = browser.get(answer.replace("state=", "state=x"))
    late = browser.get(answer)

    assert [stranger.status_code, wrong.status_code, late.status_code] == [403, 403, 403]


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", "//evil.example/", "/\\evil.example", "/desk/../x", "/desk//x", "javascript:x"]
)
def test_a_sign_in_leads_to_no_other_place(browser: Browser, vouches: Callable[..., None], evil: str) -> None:
    """`next` is a path of the desk or the bench, or it is nothing."""
    vouches({"sub": "u-1", "roles": ["agent"]})

    entered = through(browser, next=evil)

    assert entered.response.url.path == "/desk"


def test_signing_out_ends_it_in_the_database(signed_in: SignedIn, browser: Browser) -> None:
    """A cookie that was copied before is worth nothing, and the one before the sign-in never was."""
    ada = signed_in("ada")
    stolen = ada.cookies["rma_staff"]
    assert browser.another().get("/desk", headers={"cookie": f"rma_staff={stolen}"}).status_code == 200
    page = ada.look("/desk")

    left = ada.press(page, "/staff/sign-out")

    assert "You are signed out" in left.text
    for cookie in (stolen, ada.cookies["rma_staff"]):
        again = browser.another().get("/desk", headers={"cookie": f"rma_staff={cookie}"}, follow_redirects=False)
        assert again.status_code == 303


def test_a_session_ends_after_eight_hours(staff_door: tuple[Door, object]) -> None:
    """Whatever is done meanwhile."""
    door, _ = staff_door
    now = door.clock()
    with door.views.connection() as connection:
        staff.begin_session(connection, "t" * 40, staff.DEMO_PEOPLE[0], now)

        assert staff.person_of(connection, "t" * 40, now + timedelta(hours=8, seconds=-1)) == staff.DEMO_PEOPLE[0]
        assert staff.person_of(connection, "t" * 40, now + timedelta(hours=8, seconds=1)) is None


def test_a_form_of_another_site_signs_nobody_in_or_out(signed_in: SignedIn, browser: Browser) -> None:
    """403 without the form's key."""
    ada = signed_in("ada")

    assert browser.post("/staff/sign-in/demo", data={"person": "sol"}).status_code == 403
    assert ada.post("/staff/sign-out", data={"form_key": "x"}).status_code == 403
    assert ada.look("/desk").status == 200


@pytest.mark.parametrize(
    "url", [None, "https://returns.example", "http://192.168.1.7:8080", "http://localhost.evil.example"]
)
def test_the_demonstration_is_for_this_machine_alone(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    """Where anybody else could reach it, nothing starts."""
    monkeypatch.setenv("RMA_HTTP_DEMO_LOGIN", "yes")
    if url:
        monkeypatch.setenv("RMA_HTTP_PUBLIC_URL", url)

    with pytest.raises(ValidationError, match="RMA_HTTP_DEMO_LOGIN lets anybody in"):
        Settings()


def test_a_provider_needs_to_know_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issuer, client and secret go together; the issuer's address is encrypted."""
    monkeypatch.setenv("RMA_HTTP_PUBLIC_URL", "https://returns.example")
    monkeypatch.setenv("RMA_OIDC_ISSUER", "https://login.example")
    with pytest.raises(ValidationError, match="RMA_OIDC_CLIENT_ID"):
        Settings()
    monkeypatch.setenv("RMA_OIDC_ISSUER", "http://login.example")
    with pytest.raises(ValidationError, match="no address with https"):
        Settings()
