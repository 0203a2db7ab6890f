"""How large a request may be; a longer one is refused before it fills the memory, whether it says its length or not."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Refusal, respond


class BodyLimit:
    """Refuses bodies above a number of bytes with 413."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self.app = app
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the announced length, then count what really comes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self.limit_bytes:
            await respond(self._refusal().problem, {"connection": "close"})(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit_bytes:
                raise self._refusal()
            return message

        await self.app(scope, counted, send)

    def _refusal(self) -> Refusal:
        return Refusal(
            413,
            "body-too-large",
            f"the request body is longer than {self.limit_bytes} bytes",
            hint="send fewer packs at a time, or raise CANZHI_BODY_LIMIT_BYTES",
        )
