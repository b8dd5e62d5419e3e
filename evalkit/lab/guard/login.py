"""The login: a form for the token, which a browser keeps as a session that it sends to this lab only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from evalkit.lab.guard.access import SESSION_S
from evalkit.lab.guard.failed_logins import FailedLogins
from evalkit.lab.guard.gate import COOKIE, LOGIN, read_cookie, too_often
from evalkit.lab.lab import Lab

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>evalkit lab: log in</title>
<meta name="color-scheme" content="dark light"><link rel="icon" href="/ui/assets/icon.svg" type="image/svg+xml">
<script src="/ui/assets/theme.js"></script><link rel="stylesheet" href="/ui/assets/lab.css"></head>
<body><main class="login">
<h1 class="brand"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">\
<path d="M4 20h4l3-11 5 17 4-14 2 8h6"/></svg><span>evalkit<b>lab</b></span></h1>
<section class="card">
{message}
<form method="post" action="/login">
<input type="text" name="user" value="evalkit lab" autocomplete="username" hidden>
<div class="field"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus \
aria-describedby="token-hint">
<p class="hint" id="token-hint">It was printed in the terminal in which the lab was first started;
<code>evalkit lab --new-token</code> makes another.</p></div>
<button type="submit" class="button primary">Log in</button>
</form>
</section>
</main></body>
</html>
"""
_WRONG = '<p role="alert" class="note bad">That is not the token.</p>'


def routes(lab: Lab, failed_logins: FailedLogins) -> APIRouter:
    """Return the login's routes; wrong tokens are counted in `failed_logins`."""
    router = APIRouter(include_in_schema=False)

    @router.get(LOGIN)
    def show_login() -> Response:
        if not lab.access.demanded:
            return RedirectResponse("/ui/", 303)
        return HTMLResponse(_PAGE.format(message=""))

    @router.post(LOGIN)
    def log_in(request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
        address = request.client.host if request.client else ""
        wait_s = failed_logins.wait_s(address)
        if wait_s > 0:
            return too_often(wait_s)
        if not lab.access.is_token(token.strip()):
            failed_logins.add(address)
            return HTMLResponse(_PAGE.format(message=_WRONG), 401)
        answer = RedirectResponse("/ui/", 303)
        answer.set_cookie(
            COOKIE, lab.access.open_session(), max_age=SESSION_S, path="/", httponly=True, samesite="strict"
        )
        return answer

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        lab.access.close_session(read_cookie(request.headers))
        answer = Response(status_code=204, headers={"hx-redirect": LOGIN})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    return router
