"""What schemathesis has to be told of this API: how mail is sent, and what an address looks like."""

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
