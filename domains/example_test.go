package domains_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/domains"
)

func ExampleService_Create() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	for _, app := range []string{"blog", "shop"} {
		if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: app}); err != nil {
			log.Fatal(err)
		}
	}

	for _, app := range []string{"blog", "shop"} {
		domain, err := client.Domains.Create(ctx, app, "www.example.com")
		switch {
		case errors.Is(err, domains.ErrTaken):
			fmt.Println("does not route to", app)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(domain.Domain, "routes to", domain.App)
		}
	}
	// Output:
	// www.example.com routes to blog
	// does not route to shop
}
