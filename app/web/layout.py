"""The reading room's parts and where they stand. Knows Gradio components; knows no event and no data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app.locale import Locale, languages
from app.web.transcript import NOTHING
from storage import REASONS

ASSETS = Path(__file__).resolve().parents[2] / "assets"
_MOUNT = (
    "const part = {{name: '{name}', element, props, trigger, watch}};"
    "(window.basiraParts ||= []).push(part); window.basiraArrived?.(part); /* {events} */"
)


@dataclass(frozen=True)
class Parts:
    """The components that events read or write."""

    language: gr.Radio
    new: gr.Button
    shelf: gr.HTML
    upload: gr.HTML
    chat: gr.HTML
    opened: gr.HTML
    """What the reader asked to open. Apart from `chat`, whose growing answer would overwrite it."""
    notice: gr.HTML
    question: gr.Textbox
    send: gr.Button
    stop: gr.Button
    regenerate: gr.Button
    conversation: gr.Textbox
    asked: gr.JSON


def part(name: str, *, value: object = None, events: tuple[str, ...] = ()) -> gr.HTML:
    """A part drawn by our own script `assets/web/<name>.js`; `events` are those it triggers.

    The template is fixed and holds no value: Gradio would insert it unescaped and evaluate `${…}` in it.
    """
    return gr.HTML(
        value=value,
        elem_id=name,
        html_template=f'<div class="place-{name}"></div>',
        js_on_load=_MOUNT.format(name=name, events=" ".join(f"'{event}'" for event in events)),
        apply_default_css=False,
    )


def lay_out(locale: Locale) -> Parts:
    """Create every part inside the Blocks that is open."""
    say = locale.sentence
    with gr.Column(elem_id="room"):
        with gr.Row(elem_id="header"):
            part("masthead")
            language = gr.Radio(
                [(Locale(code).sentence("language-name"), code) for code in languages()],
                value=locale.code,
                label=say("language-label"),
                show_label=False,
                container=False,
                elem_id="language",
            )
        with gr.Column(elem_id="shelf"):
            new = gr.Button(say("new-conversation"), elem_id="new-conversation")
            shelf = part("conversations", value={"search": "", "items": []}, events=("open", "search"))
        with gr.Column(elem_id="reading"):
            part("viewer")
            part("burned")
            upload = part("upload", events=("taken",))
            part("facts")
        with gr.Column(elem_id="talk"):
            chat = part("chat", value=NOTHING)
            opened = part("opened", value=None)
            notice = part("notice", value=None)
            with gr.Column(elem_id="composer"):
                part("seen")
                question = gr.Textbox(
                    placeholder=say("question-placeholder"),
                    label=say("question-label"),
                    show_label=False,
                    container=False,
                    lines=1,
                    max_lines=7,
                    elem_id="question",
                )
                with gr.Row(elem_id="actions"):
                    regenerate = gr.Button(say("regenerate"), elem_id="regenerate")
                    stop = gr.Button(say("stop"), elem_id="stop")
                    send = gr.Button(say("send"), elem_id="send")
                part("suggestions")
        conversation = gr.Textbox(visible=False)
        asked = gr.JSON(visible=False)
    return Parts(
        language, new, shelf, upload, chat, opened, notice, question, send, stop, regenerate, conversation, asked
    )


def head(samples: tuple[str, ...]) -> str:
    """What stands in the page's head: style, script, sentences, names of the samples, language before paint."""
    words = {code: {**Locale(code).catalogue(), **_templates(Locale(code))} for code in languages()}
    sentences = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    return (
        '<link rel="stylesheet" href="/page/web/page.css">'
        '<link rel="stylesheet" href="/page/web/viewer.css">'
        '<link rel="stylesheet" href="/page/web/welcome.css">'
        '<link rel="stylesheet" href="/page/web/type.css">'
        f'<script type="application/json" id="basira-words">{sentences}</script>'
        f'<script type="application/json" id="basira-samples">{json.dumps(samples)}</script>'
        f'<script type="application/json" id="basira-reasons">{json.dumps(dict(REASONS))}</script>'
        '<script src="/page/web/acts.js"></script>'
        '<script src="/page/web/first-paint.js"></script>'
        '<script type="module" src="/page/web/page.js"></script>'
    )


def _templates(locale: Locale) -> dict[str, str]:
    """Sentences whose values only the page knows, as it turns them; it puts the values where the names stand."""
    return {
        key: locale.plain(key, **{name: f"{{{name}}}" for name in names})
        for key, names in (
            ("view-window", ("width", "level")),
            ("preset-file", ("number",)),
            ("preset-table", ("number",)),
            ("view-slice", ("number",)),
            ("view-frame", ("number",)),
            ("view-image", ("number",)),
        )
    }
