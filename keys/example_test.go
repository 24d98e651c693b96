package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/keys"
)

func ExampleService_Create() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	const public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f alice@laptop"
	for _, id := range []string{"laptop", "again"} {
		key, err := client.Keys.Create(ctx, keys.CreateParams{ID: id, Public: public})
		switch {
		case errors.Is(err, keys.ErrTaken):
			fmt.Println("exists already")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("added", key.ID)
		}
	}
	// Output:
	// added laptop
	// exists already
}
