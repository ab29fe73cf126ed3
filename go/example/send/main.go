// Sends a message to a provider simulator through a Mailroom: send FILE BASE-URL
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	sendgate "sendgate.dev/go"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: send FILE BASE-URL")
	}
	if err := send(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func send(file, url string) error {
	account := fmt.Sprintf(`{"providers":[{"kind":"sandbox","credential":"KEY","base_url":%q}]}`, url)
	mailroom, err := sendgate.OpenMailroom(file, account, sendgate.Options{Secrets: map[string]string{"KEY": "re_anything"}})
	if err != nil {
		return err
	}
	defer mailroom.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	message := map[string]any{
		"from": "orders@shop.example", "to": []string{"ann@example.com"}, "subject": "Order 42", "text_body": "Soon.",
	}
	receipts, err := mailroom.Submit(ctx, "order-42", message)
	if err != nil {
		return err
	}
	if err := mailroom.Drain(ctx); err != nil {
		return err
	}
	trace, err := mailroom.Trace(receipts[0].MessageID)
	fmt.Println(string(trace))
	return err
}
