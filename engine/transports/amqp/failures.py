"""What the broker and the network do wrong, in words for the person on call."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from pika import exceptions

from engine.transports import LinkState

_HUNG_UP = (
    "the other side hung up before AMQP began: broker starting or stopping, a TLS port addressed "
    "without TLS, or our client certificate refused"
)
NO_HEARTBEAT = "no heartbeat of the broker: connection is dead"
# in this order: a heartbeat timeout is a connection error too
_LOST_TEXTS: dict[type[Exception], str] = {
    exceptions.AMQPHeartbeatTimeout: NO_HEARTBEAT,
    exceptions.IncompatibleProtocolError: _HUNG_UP,
    exceptions.ProbableAuthenticationError: _HUNG_UP,
    exceptions.ConnectionOpenAborted: "the broker did not answer in time",
    exceptions.StreamLostError: "connection lost",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """``state`` is refused where a person must change something, lost where waiting may help."""

    state: LinkState
    text: str


class Refusal(Exception):  # noqa: N818 -- an answer of the broker, not a defect of ours
    """The broker closed the channel over one request; ``code`` is the AMQP reply code (403, 404, 406)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def explain(error: BaseException) -> Failure:
    """Say what a failed or lost connection was about, and whether waiting may help."""
    root = _root(error)
    text = str(root)
    if isinstance(root, exceptions.ProbableAuthenticationError) and "ACCESS_REFUSED" in text:
        return _refused("the broker does not accept this user name and password (ACCESS_REFUSED)")
    if isinstance(root, exceptions.ProbableAccessDeniedError) and "NOT_ALLOWED" in text:
        reason = text.partition("NOT_ALLOWED - ")[2].split("'")[0].strip()
        return _refused(f"the broker does not let this user into the virtual host (NOT_ALLOWED): {reason}")
    if isinstance(root, ssl.SSLCertVerificationError):
        return _refused(f"TLS: the certificate of the broker is not trusted: {root.verify_message}")
    if isinstance(root, ssl.SSLError) and not isinstance(root, ssl.SSLEOFError):
        reason = (root.reason or "failed").replace("_", " ").lower()
        hint = "; does this port speak TLS at all?" if "wrong version" in reason else ""
        return _refused(f"TLS: {reason}{hint}")
    return Failure(LinkState.LOST, _lost(root))


def _lost(root: BaseException) -> str:
    if isinstance(root, exceptions.ConnectionClosed):
        return f"{root.reply_code} {root.reply_text}"
    if isinstance(root, OSError):
        return root.strerror or type(root).__name__
    for kind, text in _LOST_TEXTS.items():
        if isinstance(root, kind):
            return text
    return type(root).__name__


def _refused(text: str) -> Failure:
    return Failure(LinkState.REFUSED, text)


def _root(error: BaseException) -> BaseException:
    """The innermost error: pika wraps what happened, differently for each stage of connecting."""
    several = getattr(error, "exceptions", None)
    inner = several[-1] if several else getattr(error, "exception", None)
    if inner is None and error.args and isinstance(error.args[0], BaseException):
        inner = error.args[0]
    return _root(inner) if isinstance(inner, BaseException) else error
