//! The conversation with a mail server, as a client that does no IO.
