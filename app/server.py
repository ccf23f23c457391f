"""The web application: guard, own routes, static files, health, and the screens mounted. Knows no screen's inside."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles

from app.at_once import AtOnce
from app.bodies import Bodies
from app.burned_in import BurnedIn
from app.burned_in_routes import burned_in_routes
from app.discarded import Discarded
from app.engines import open_model, sampling, told
from app.entrance import Entrance
from app.failures import Failures, quiet_threads
from app.guard import Guard
from app.intake import Intake
from app.listening import listener
from app.loading import LoadingEngine
from app.locale import Locale
from app.preview import preview_route
from app.routes import routes, sample_files
from app.settings import Settings
from app.temporary import leave_no_dump, private_folder
from app.turn import Turns
from dicom import Sandbox
from model import names_the_hub
from storage import Store

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SESSIONS = 64
"""Pages of which Gradio keeps what it last drew, 170 KiB each; an older one costs some milliseconds when it is back."""
UNHEARD = 256
"""Pages for which Gradio keeps what it has not yet told them, 90 KiB each when they have gone; the first one asked goes
first, so it must be more than may ask while one answer is written."""
LOCAL_READER = "local"
"""The one reader there is until there are logins; every row carries it."""


def reader_of(request: Request) -> str:
    """Who sends this request."""
    return LOCAL_READER


def create_app(settings: Settings, store: Store, engine: LoadingEngine, locale: Locale) -> FastAPI:
    """The whole program as an ASGI application. `engine` may still be loading."""

    sandbox = Sandbox(settings.limits())
    burned_in = BurnedIn(store, sandbox)
    at_once = AtOnce()
    turns = Turns(
        store,
        engine,
        functools.partial(sampling, settings),
        told=functools.partial(told, settings),
        at_once=at_once,
    )
    discarded = Discarded(store, turns)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=sandbox.warm, name="warm-sandbox", daemon=True).start()
        yield
        turns.close(1.0)  # before the engine, whose end would look like a reader's Stop
        discarded.close()
        engine.close()
        burned_in.close()
        sandbox.close()

    app = FastAPI(title="Basira", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(CORSMiddleware, allow_origins=[])
    app.add_middleware(Failures)
    app.add_middleware(Bodies)
    app.add_middleware(Entrance, key=settings.page_key, port=settings.port)
    app.add_middleware(Guard, host=settings.host, names=settings.hostnames)

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok", "model": engine.state().state}

    intake = Intake(store, sandbox, at_once, burned_in)
    app.include_router(burned_in_routes(burned_in, intake, owner=reader_of))
    app.include_router(preview_route(intake, owner=reader_of))
    app.include_router(
        routes(
            store,
            intake,
            engine,
            turns,
            discarded,
            owner=reader_of,
            samples=ASSETS / "samples",
            limits=sandbox.limits,
            remote=settings.model.startswith("openai:"),
        )
    )
    app.mount("/page", StaticFiles(directory=ASSETS), name="page")
    return _with_screens(app, settings, turns, store, locale)


def _with_screens(app: FastAPI, settings: Settings, turns: Turns, store: Store, locale: Locale) -> FastAPI:
    import gradio as gr  # slow to import; the command line must not pay for it
    from gradio.routes import templates

    from app.shell import keep_messages_out_of_the_log, speak_for_ourselves
    from app.web.events import ReadingRoom, connect
    from app.web.layout import head, lay_out

    speak_for_ourselves(templates.env)
    with gr.Blocks(title=locale.sentence("page-title"), analytics_enabled=False, fill_width=True) as page:
        parts = lay_out(locale)
        connect(ReadingRoom(store, turns), page, parts)
    page.state_session_capacity = SESSIONS
    page.queue(max_size=settings.queue, default_concurrency_limit=16, api_open=False)
    page._queue.pending_messages_per_session.max_size = UNHEARD
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth_dependency=reader_of,
        allowed_paths=[],
        show_error=False,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        favicon_path=str(ASSETS / "web" / "favicon.png"),
        max_file_size="1kb",  # nothing is uploaded through Gradio
        head=head(tuple(path.name for path in sample_files(ASSETS / "samples"))),
    )
    keep_messages_out_of_the_log()  # once everything of it is loaded
    page.has_launched = True  # else Gradio lets a request name any file: it looks at paths only once it was launched
    return mounted


def serve(settings: Settings, locale: Locale) -> int:
    """Serve until interrupted. Exit code 0, or 1 when the port is taken. Raises StorageError."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    if not names_the_hub(settings.model):  # said before Gradio imports the hub's library, which reads it once
        os.environ["HF_HUB_OFFLINE"] = "1"
    leave_no_dump()
    with private_folder(settings.data) as own, Store(settings.data) as store:
        quiet_threads()
        engine = LoadingEngine(functools.partial(open_model, settings))
        application = create_app(settings, store, engine, locale)
        server = listener(application, settings, at_last=functools.partial(shutil.rmtree, own, ignore_errors=True))
        engine.start()
        server.run()
        return 0 if server.started else 1
