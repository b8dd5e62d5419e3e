"""The addresses of the event streams. What is sent stands in :mod:`evalkit.lab.live.readers`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, WebSocket

from evalkit.errors import DataError
from evalkit.lab.lab import Lab
from evalkit.lab.live.all_runs import AllRunsTeller
from evalkit.lab.live.connection import BROKEN, NOT_FOUND, DroppedReaders, ReaderLostError, ReaderSocket
from evalkit.lab.live.feeds import Feeds
from evalkit.lab.live.readers import RunTeller, StreamEnd, beat, tell_index_news
from evalkit.lab.live.run_search import RunSearch, until_folders_are_read

_MOST_PLACES = 200


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the streams."""
    router = APIRouter()
    feeds = Feeds(lab.index.version)
    search = RunSearch(lab)
    dropped = DroppedReaders()

    @router.websocket("/runs/{run_id}/stream")
    async def stream_run(
        socket: WebSocket,
        run_id: str,
        cursor: int = 0,
        generation: str = "",
        follow: bool = False,
        attempts: bool = True,
        reader: str = "",
    ) -> None:
        await socket.accept()
        connection = ReaderSocket(socket, reader, dropped)
        run = search.recent(run_id) or await connection.serve(search.find(run_id), beat(connection.send))
        if run is None:
            await _refuse(connection, run_id, NOT_FOUND, "no such run")
            return
        async with feeds.watching(run.id, run.root) as feed, feeds.index_news() as news:
            teller = RunTeller(
                feed, connection.send, max(0, cursor), generation, follows=follow, wants_attempts=attempts
            )
            telling = teller.tell(dropped.take(reader))
            news_telling = [tell_index_news(news, connection.send)] if follow else []
            try:
                end = await connection.serve(telling, beat(connection.send), *news_telling)
            except DataError as error:
                await _refuse(connection, run.id, BROKEN, str(error))
                return
        if end is StreamEnd.GONE:
            await _refuse(connection, run.id, NOT_FOUND, "the run's directory is not there any more")
        elif end is StreamEnd.OVER:
            await connection.close(1000, "the run has ended")

    @router.websocket("/stream")
    async def stream_all(socket: WebSocket, reader: str = "") -> None:
        await socket.accept()
        connection = ReaderSocket(socket, reader, dropped)
        dropped.take(reader)
        teller = AllRunsTeller(lab.index, feeds, _places(socket.query_params.getlist("since")), connection.send)
        try:
            await connection.serve(until_folders_are_read(lab))
            await connection.serve(teller.tell(), beat(connection.send))
        except* ReaderLostError:
            pass

    return router


async def _refuse(connection: ReaderSocket, run_id: str, code: int, message: str) -> None:
    try:
        await connection.send(orjson.dumps({"type": "error", "run_id": run_id, "message": message}).decode())
    except ReaderLostError:
        return
    await connection.close(code, message)


def _places(since: list[str]) -> dict[str, tuple[int, str]]:
    """Return run id -> cursor and generation, of ``ID.GENERATION.CURSOR``; what is none is passed over."""
    found = {}
    for place in since[:_MOST_PLACES]:
        run_id, _, rest = place.partition(".")
        generation, _, cursor = rest.partition(".")
        if cursor.isascii() and cursor.isdigit() and len(cursor) < 16:
            found[run_id] = (int(cursor), generation)
    return found
