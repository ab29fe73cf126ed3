"""The suppression set, through the installed wheel. Expected values are reasoned by hand."""

from collections.abc import Callable

import pytest
from sendgate import SendgateError, Suppressions

KEY = bytes(range(16))


def test_addresses_are_compared_as_they_are_suppressed() -> None:
    left = Suppressions(["Ann@Example.COM", "bob@BÜCHER.example"])
    assert "ann@example.com" in left
    assert "BOB@xn--bcher-kva.example" in left
    assert "ann+news@example.com" not in left
    assert len(left) == 2


def test_a_set_grows_and_shrinks() -> None:
    left = Suppressions()
    assert left.add("ann@example.com")
    assert not left.add("ANN@example.com")
    assert left.contains_many(["ann@example.com", "bob@example.com"]) == [True, False]
    assert left.remove("ann@example.com")
    assert not left.remove("ann@example.com")
    assert len(left) == 0


def test_saved_bytes_belong_to_their_key() -> None:
    left = Suppressions(["ann@example.com"], key=KEY)
    data = left.to_bytes()
    assert left.key == KEY
    assert "ann@example.com" in Suppressions.from_bytes(data, KEY)
    damaged = data[:-1] + bytes([data[-1] ^ 1])
    for wrong, key, code in [
        (data, bytes(16), "wrong_key"),
        (data[:-1], KEY, "set_length"),
        (damaged, KEY, "set_damaged"),
    ]:
        with pytest.raises(SendgateError) as caught:
            Suppressions.from_bytes(wrong, key)
        assert caught.value.code == code
    assert Suppressions().key != Suppressions().key


def test_what_is_no_address_is_an_error_and_nothing_else() -> None:
    left = Suppressions(["ann@example.com"])
    asks: list[Callable[[str], object]] = [left.add, left.remove, left.__contains__]
    asks.append(lambda address: left.contains_many([address]))
    for ask in asks:
        with pytest.raises(SendgateError) as caught:
            ask("ann@")
        assert "ann" not in str(caught.value)
    with pytest.raises(SendgateError):
        Suppressions(["ann@example.com", "no address"])
    with pytest.raises(TypeError):
        Suppressions(["ann@example.com", 7])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="16"):
        Suppressions(key=b"short")
    assert len(left) == 1


def test_fifty_thousand_are_told_from_fifty_thousand_strangers() -> None:
    left = Suppressions(f"user{number}@example.com" for number in range(50_000))
    assert all(left.contains_many([f"USER{number}@example.com" for number in range(50_000)]))
    assert not any(left.contains_many([f"user{number}@example.net" for number in range(50_000)]))
    assert left.memory_bytes < 10 * 50_000
    assert repr(left) == "<sendgate.Suppressions of 50000 addresses>"
