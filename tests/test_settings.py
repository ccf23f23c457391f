"""Settings: where they come from, what is refused, and in whose words."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from app.locale import Locale
from app.settings import SettingError, Settings, describe, operator_locale, read_settings, variable

ROOT = Path(__file__).resolve().parents[1]
VARIABLES = [variable(item.name) for item in fields(Settings)]


def test_without_any_variable_the_page_is_for_this_machine_only() -> None:
    settings = read_settings({"PATH": "/bin"})
    assert (settings.host, settings.port, settings.model, settings.quantization) == (
        "127.0.0.1",
        7860,
        "demo",
        "nf4",
    )
    assert settings.data.is_absolute()


def test_variables_are_read_as_what_they_are(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "BASIRA_PORT": "8000",
            "BASIRA_DATA": str(tmp_path / "new"),
            "BASIRA_TEMPERATURE": "0",
            "BASIRA_SEED": "7",
            "BASIRA_LANG": "ar",
            "BASIRA_MODEL": "",
        }
    )
    assert (settings.port, settings.data, settings.temperature, settings.seed) == (8000, tmp_path / "new", 0.0, 7)
    assert (settings.lang, settings.model) == ("ar", "demo")


def test_names_of_hosts_are_kept_as_browsers_send_them() -> None:
    settings = read_settings({"BASIRA_HOSTNAMES": "Reading-Room.Hospital, بصيرة.example"})
    assert settings.hostnames == ("reading-room.hospital", "xn--ngbcxp9h.example")
    assert "reading-room.hospital,xn--" in repr(describe(settings))


def test_settings_do_not_change_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc] # what this test is about


@pytest.mark.parametrize("code", ["en", "ar"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("BASIRA_PORT", "http"),
        ("BASIRA_PORT", "0"),
        ("BASIRA_PORT", "65536"),
        ("BASIRA_TEMPERATURE", "nan"),
        ("BASIRA_TEMPERATURE", "-1"),
        ("BASIRA_QUANTIZATION", "q4"),
        ("BASIRA_LANG", "fr"),
        ("BASIRA_DATA", str(ROOT / "pyproject.toml")),
        ("BASIRA_DATA", "~no-such-account/data"),
        ("BASIRA_DATA", f"/tmp/{'x' * 300}"),
        ("BASIRA_HOST", " 127.0.0.1"),
        ("BASIRA_HOSTNAMES", "http://reading-room.hospital"),
        ("BASIRA_HOSTNAMES", "reading-room.hospital:7860"),
        ("BASIRA_HOSTNAMES", "reading-room,,basira"),
        ("BASIRA_HOSTNAMES", "*.hospital"),
        ("BASIRA_MODEL_KEY", "two\nlines"),
        ("BASIRA_PROT", "1"),
        ("BASIRA_SOMETHING_ELSE", "1"),
    ],
)
def test_what_cannot_be_used_is_named_and_its_value_is_not_repeated(name: str, text: str, code: str) -> None:
    with pytest.raises(SettingError) as refusal:
        read_settings({name: text})
    said = refusal.value.sentence(Locale(code))
    assert name in said
    if len(text) > 3:
        assert text not in said
    assert text not in repr(refusal.value) or len(text) <= 2


def test_a_misspelt_setting_is_answered_with_the_right_one() -> None:
    with pytest.raises(SettingError) as refusal:
        read_settings({"BASIRA_PROT": "1"})
    assert "BASIRA_PORT" in refusal.value.sentence(Locale("en"))


def test_a_secret_is_never_shown() -> None:
    settings = read_settings({"BASIRA_MODEL_KEY": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(describe(settings))


@pytest.mark.parametrize("code", ["en", "ar"])
def test_every_setting_is_explained_in_both_languages(code: str) -> None:
    for item in describe(Settings()):
        assert len(Locale(code).sentence(item.key)) > 15


@pytest.mark.parametrize("name", VARIABLES)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    named = set(re.findall(r"\bBASIRA_[A-Z_]*[A-Z]\b", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= set(VARIABLES)


def test_the_limits_on_files_follow_the_settings() -> None:
    limits = read_settings({"BASIRA_FILE_MB": "3", "BASIRA_NESTING": "9", "BASIRA_FRAME_MEGAPIXELS": "2.5"}).limits()
    assert (limits.file_bytes, limits.nesting, limits.frame_pixels) == (3 * 1024 * 1024, 9, 2_500_000)


def test_without_settings_the_limits_are_the_readers_own() -> None:
    from dicom import Limits

    assert Settings().limits() == Limits()


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"BASIRA_LANG": "ar", "LANG": "en_US.UTF-8"}, "ar"),
        ({"LANG": "ar_SA.UTF-8"}, "ar"),
        ({"LC_ALL": "en_GB", "LANG": "ar_SA"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
        ({"BASIRA_LANG": "xx"}, "en"),
        ({}, "en"),
    ],
)
def test_the_operators_language_is_the_setting_else_the_systems_else_english(
    environ: dict[str, str], code: str
) -> None:
    assert operator_locale(environ).code == code
