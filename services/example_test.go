package services_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/services"
	"github.com/deisgo/deis/version"
)

func ExampleService_Create() {
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

	err = client.Services.Create(ctx, "example-go", services.CreateParams{ProcfileType: "api", PathPattern: "/api/.*"})
	if err != nil {
		log.Fatal(err)
	}
	routes, err := client.Services.List(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range routes {
		fmt.Println(r.PathPattern, "is routed to", r.ProcfileType)
	}
	// Output: /api/.* is routed to api
}
