"""The page for dispatchers, used in a real Chromium by keyboard against a running service."""

from typing import Any

import httpx

from road_api.auth import DEMO_PASSWORD, DEMO_USERNAME
from road_assets.core.scene_fields import SCENE_FIELDS
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURES, GRAVITY
from road_assets_tests.api.page.states import ANSWERED, ASKS_WHO, FOCUSED, PHONE
from road_assets_tests.browser import ALT, Page

READ_SCENE = "import(new URL('form.js', document.querySelector('script').src)).then((form) => form.readScene())"


def write_log_in(page: Page, password: str = DEMO_PASSWORD) -> None:
    if page.evaluate(FOCUSED) == "username":
        page.write(DEMO_USERNAME)
        page.press("Tab")
    page.write(password)
    page.press("Enter")


def value_of(page: Page, name: str) -> str:
    return str(page.evaluate(f"document.querySelector('#{name}').value"))


def test_a_dispatcher_logs_in_chooses_and_estimates_without_a_mouse(visit: Any, module_server: str, token: str) -> None:
    with visit(logged_in=False) as page:
        write_log_in(page)
        page.until(f"!{ASKS_WHO} && {FOCUSED} == 'catu'")
        page.press("p", "i")
        page.press("Tab")
        page.press("ArrowDown")
        page.press("Enter")
        page.until(ANSWERED)
        shown = page.text("#sentence")
        focused, chosen = page.evaluate(FOCUSED), (value_of(page, "catu"), value_of(page, "sexe"))
        fields = page.evaluate(READ_SCENE)

    assert chosen == ("3", "1")
    assert set(fields) == {feature.name for feature in FEATURES}
    header = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{module_server}/protected/predict", json=fields, headers=header, trust_env=False).json()
    assert shown.split("\n\n")[0] == f"{answer['label_fr'].capitalize()}."
    assert f"{answer['probability'] * 100:.0f} chances sur 100" in shown
    assert GRAVITY.codes[1].fr.lower() in shown
    assert focused == "sexe", "the next field is one key away"


def test_optional_fields_count_and_are_left_out_where_nothing_is_known(visit: Any) -> None:
    with visit() as page:
        page.press("p", modifiers=ALT)
        page.until(f"{FOCUSED} == 'age'")
        page.write("34")
        page.press("Enter")
        page.until(ANSWERED)
        fields = page.evaluate(READ_SCENE)

    assert fields["age"] == 34
    assert set(fields) == {feature.name for feature in FEATURES} | {"age"}
    assert fields["sexe"] is None


def test_every_word_changes_with_the_language_and_nothing_chosen_is_lost(visit: Any) -> None:
    with visit() as page:
        page.press("p")
        page.press("Enter")
        page.until(ANSWERED)
        page.press("l", modifiers=ALT)
        page.until("document.documentElement.lang == 'en'")
        english = page.text("body")
        labels = page.evaluate("[...document.querySelectorAll('#scene label')].map((label) => label.textContent)")
        kept = value_of(page, "catu")
        page.evaluate("window.before = true")
        page.ask("Page.reload")
        page.until("!window.before && document.readyState == 'complete' && document.documentElement.lang == 'en'")
        still_logged_in = page.evaluate(f"!{ASKS_WHO}")

    assert "Not severe." in english
    assert "chances in 100 that this user is killed or hospitalised" in english
    assert "demonstration data, generated" in english
    assert sorted(labels) == sorted(field.en for field in (*FEATURES, *SCENE_FIELDS))
    assert not {"Estimation", "Conducteur", "Connecté"} & set(english.replace(":", " ").split())
    assert kept == "2"
    assert still_logged_in


def test_a_wrong_password_is_said_and_asked_again(visit: Any) -> None:
    with visit(logged_in=False, expected=("401",)) as page:
        write_log_in(page, "wrong")
        page.until("!document.querySelector('#login-problem').hidden")
        said = page.text("#login-problem")
        write_log_in(page)
        page.until(f"!{ASKS_WHO}")
        account = page.text("#user")

    assert said == "Nom d'utilisateur ou mot de passe incorrect."
    assert account == f"Connecté : {DEMO_USERNAME}"


def test_whoever_does_not_log_in_is_told_that_estimates_need_it(visit: Any) -> None:
    with visit(logged_in=False) as page:
        page.press("Escape")
        page.until(f"!{ASKS_WHO}")
        page.evaluate("document.querySelector('#catu').focus()")
        page.press("Enter")
        page.until(ASKS_WHO)
        page.press("Escape")
        page.until("!document.querySelector('#problem').hidden")
        said = page.text("#problem")

    assert said == "Connectez-vous pour obtenir une estimation."


def test_an_expired_token_is_asked_for_again_and_the_estimate_goes_on(visit: Any) -> None:
    with visit(expected=("401",)) as page:
        page.evaluate("sessionStorage.setItem('token', 'no.longer.good')")
        page.press("p")
        page.press("Enter")
        page.until(ASKS_WHO)
        said, focused = page.text("#login-problem"), page.evaluate(FOCUSED)
        write_log_in(page)
        page.until(ANSWERED)
        kept = value_of(page, "catu")

    assert said == "La session a expiré. Reconnectez-vous : la saisie est gardée."
    assert focused == "password", "the name is known"
    assert kept == "2"


def test_a_service_that_cannot_be_reached_is_named_and_the_next_try_succeeds(visit: Any) -> None:
    with visit(expected=("ERR_INTERNET_DISCONNECTED",)) as page:
        page.go_offline(offline=True)
        page.press("Enter")
        page.until("!document.querySelector('#problem').hidden")
        said = page.text("#problem")
        page.go_offline(offline=False)
        page.press("Enter")
        page.until(ANSWERED)
        left = page.text("#problem")

    assert said == "Le service ne répond pas. Vérifiez la connexion, puis Entrée pour réessayer."
    assert left == ""


def test_a_quantity_beyond_its_range_is_marked_and_shown_even_where_it_was_folded_away(visit: Any) -> None:
    place = "(({ top, bottom }) => [top, bottom])(document.querySelector('#age-error').getBoundingClientRect())"
    with visit(**PHONE) as page:
        page.press("p", modifiers=ALT)
        page.until(f"{FOCUSED} == 'age'")
        page.write("250")
        page.press("Enter")
        page.until("!document.querySelector('#age-error').hidden")
        places = [page.evaluate(place)]
        page.press("p", modifiers=ALT)
        page.evaluate("document.querySelector('#catu').focus()")
        page.press("Enter")
        page.until(f"{FOCUSED} == 'age'")
        places += [page.evaluate(place)]
        said, marked = page.text("#age-error"), page.evaluate("document.querySelector('#age').ariaInvalid")
        asked = [url for url in page.requested if "/protected/" in url]

    assert said == "Un nombre entier est attendu : 0 à 120 ans."
    assert marked == "true"
    assert all(0 <= top < bottom <= PHONE["height"] for top, bottom in places)
    assert asked == []


def test_what_the_service_refuses_is_marked_at_its_field(visit: Any) -> None:
    with visit(expected=("422",)) as page:
        page.evaluate("document.querySelector('#lum').selectedOptions[0].value = '7'")
        page.press("Enter")
        page.until(f"{FOCUSED} == 'lum'")
        said, problem = page.text("#lum-error"), page.text("#problem")

    lum = FEATURE_BY_NAME["lum"]
    assert said.startswith(f"Valeur refusée par le service. Valeurs admises : {lum.describe_codes('fr')}, -1 = Inconnu")
    assert problem == "Corrigez les champs signalés, puis Entrée."


def test_recent_estimates_can_be_taken_up_again_and_go_with_the_session(visit: Any) -> None:
    with visit() as page:
        page.press("p")
        page.press("Enter")
        page.until("document.querySelectorAll('#recent li').length == 1")
        page.press("n", modifiers=ALT)
        reset = value_of(page, "catu")
        page.press("Enter")
        page.until("document.querySelectorAll('#recent li').length == 2")
        summaries = page.evaluate("[...document.querySelectorAll('#recent li .hint')].map((each) => each.innerText)")
        page.evaluate("[...document.querySelectorAll('#recent button')].at(-1).focus()")
        page.press("Enter")
        page.until(f"{FOCUSED} == 'catu'")
        resumed = value_of(page, "catu")
        page.evaluate("document.querySelector('#log-out').click()")
        page.until("document.querySelector('#recent').hidden")
        left = page.evaluate("JSON.stringify({ ...sessionStorage })")

    assert reset == "1"
    assert summaries == ["cas le plus fréquent", "Passager"]
    assert resumed == "2"
    assert left == "{}"


def test_recent_estimates_tell_quantities_with_their_unit(visit: Any) -> None:
    summary = "document.querySelector('#recent li .hint').innerText"
    with visit() as page:
        page.evaluate("document.querySelector('#vma').value = '80'")
        page.evaluate("document.querySelector('#age').value = '34'")
        page.press("Enter")
        page.until("document.querySelectorAll('#recent li').length == 1")
        french = page.evaluate(summary)
        page.press("l", modifiers=ALT)
        page.until("document.documentElement.lang == 'en'")
        english = page.evaluate(summary)

    assert set(french.split(" · ")) == {"Vitesse maximale autorisée : 80 km/h", "Âge de l'usager : 34 ans"}
    assert set(english.split(" · ")) == {"Speed limit: 80 km/h", "Age of the user: 34 years"}


def test_an_estimate_says_when_the_form_has_changed_since(visit: Any) -> None:
    with visit() as page:
        page.press("Enter")
        page.until(ANSWERED)
        before = page.text("#sentence")
        page.press("p")
        page.until("document.querySelector('#result').classList.contains('stale')")
        after = page.text("#sentence")

    assert "a changé" not in before
    assert "La saisie a changé depuis" in after


def test_reasons_are_shown_by_weight_with_units_and_unknown_ones_are_called_so(visit: Any) -> None:
    show = """import(new URL('result.js', document.querySelector('script').src)).then((result) => result.showEstimate({
        prediction: [1], probability: 0.62, label: 'severe', label_fr: 'grave', model_version: '1', data: '?',
        explanation: { contributions: [
            { field: 'vma', label_fr: 'Vitesse', value_label_fr: '80 km/h', contribution: 0.3 },
            { field: 'age', label_fr: 'Âge', value_label_fr: 'Inconnu', contribution: -0.1 },
            { field: 'nbv', label_fr: 'Voies', value_label_fr: '2', contribution: 0 }] }
    }))"""
    with visit() as page:
        page.press("Enter")
        page.until(ANSWERED)
        without = page.evaluate("document.querySelector('#reasons').checkVisibility()")
        page.evaluate(show)
        reasons = page.evaluate("[...document.querySelectorAll('#reasons li')].map((each) => each.innerText)")
        widths = page.evaluate("[...document.querySelectorAll('#reasons .weight')].map((each) => each.style.width)")

    assert not without
    assert [" ".join(reason.split()) for reason in reasons] == [
        "Vitesse : 80 km/h augmente le risque",
        "Âge : Inconnu diminue le risque",
    ]
    assert widths[0] == "100%"
    assert widths[1].startswith("33.3")
