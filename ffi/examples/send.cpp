// Sends a message to a provider simulator through a Mailroom: send FILE BASE-URL

#include <sendgate.hpp>

#include <iostream>

int main(int count, char **arguments) try {
    if (count != 3) return 2;
    const std::string account = R"({"providers":[{"kind":"sandbox","credential":"KEY","base_url":")" +
                                std::string(arguments[2]) + R"("}]})";
    const sendgate::Mailroom mailroom(arguments[1], account, {{{"KEY", "re_anything"}}, {}, {}});
    const auto receipts = mailroom.submit(
        {R"({"from":"orders@shop.example","to":["ann@example.com"],"subject":"Order 42","text_body":"Soon."})"}, "order-42");
    const bool is_empty = mailroom.drain(std::chrono::seconds(30));
    std::cout << mailroom.trace(receipts->receipts[0].message_id).value_or("") << "\n";
    return is_empty ? 0 : 1;
} catch (const sendgate::Error &error) {
    std::cerr << error.code << ": " << error.what() << "\n";
    return 1;
}
