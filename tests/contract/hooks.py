"""What schemathesis has to be told of this API: how mail is sent, and what would never be found by chance.

Nobody draws an address or an account's configuration by luck, so names that exist stand in the place of a part of what
is drawn. The rest stays as it was drawn.
"""

from typing import Any

import schemathesis
from hypothesis import strategies as st

_LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+-_é", min_size=1, max_size=12)
_DOMAIN = st.sampled_from(["example.com", "mail.example.com", "shop.example", "bücher.example", "example", "-.example"])
_ADDRESS = st.builds("{}@{}".format, _LOCAL, _DOMAIN)
_NAME = st.text("abcdefghijklmnopqrstuvwxyzABC é'\"<>,.", max_size=12)

schemathesis.openapi.format("mailbox", _ADDRESS | st.builds("{} <{}>".format, _NAME, _ADDRESS))
schemathesis.openapi.format("address", _ADDRESS)


@schemathesis.serializer("message/rfc822")
def _mail(_: object, value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogateescape")


# Names of the admin API, few enough to be met again.
_NAMES = {
    "account": ["alpha", "beta"],
    "key": ["k1", "k2"],
    "provider": ["main", "other"],
    "domain": ["shop.example", "mail.shop.example"],
}
_PROVIDER = {"kind": "resend", "base_url": "http://127.0.0.1:9", "credential_value": "re_of-a-test"}


def _known(kind: str, drawn: object) -> str | None:
    """A name that may exist, for three of four."""
    place = sum(str(drawn).encode()) % 4
    return None if place == 3 else _NAMES[kind][place % 2]


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: Any) -> Any:  # noqa: ANN401 - schemathesis says no more
    """Names of the path that may exist."""
    if context.operation is not None and context.operation.path.startswith("/v1/admin/") and path_parameters:
        for kind, drawn in path_parameters.items():
            path_parameters[kind] = _known(kind, drawn) or drawn
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:  # noqa: ANN401 - schemathesis says no more
    """Bodies of the admin API that name what may be made."""
    label = "" if context.operation is None else context.operation.label
    if not isinstance(body, dict):
        return body
    if label == "POST /v1/admin/accounts" and (name := _known("account", body.get("name"))):
        return {"name": name, "config": {"providers": [{"name": "main", **_PROVIDER}]}}
    if label.startswith("POST") and label.endswith("/keys") and (name := _known("key", body)):
        return {**body, "id": name, "scopes": ["send", "read"]}
    if label.startswith("POST") and label.endswith("/providers") and (name := _known("provider", body)):
        return {"name": name, **_PROVIDER}
    if label.startswith("POST") and label.endswith("/domains") and (name := _known("domain", body)):
        return {"name": name, "providers": {}}
    return body
