package tls_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/tls"
	"github.com/deisgo/deis/version"
)

func ExampleService_Enforce() {
	ctx := context.Background()
	srv := deistest.NewServer(deistest.WithAPIVersion(version.V2_3))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		_, err := client.TLS.Enforce(ctx, "example-go", true)
		if err != nil && !errors.Is(err, tls.ErrUnchanged) {
			log.Fatal(err)
		}
	}
	state, err := client.TLS.Get(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("HTTPS only:", state.HTTPSEnforced)
	// Output: HTTPS only: true
}
