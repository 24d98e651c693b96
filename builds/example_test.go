package builds_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
)

func ExampleService_Create() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}

	build, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{
		Image:    "deis/example-go:latest",
		Procfile: map[string]string{"web": "./server", "worker": "./worker"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("deployed", build.Image)

	_, err = client.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "deis/nonexistent:1"})
	if failed := (*deis.Error)(nil); errors.As(err, &failed) {
		fmt.Println("not deployed:", failed.StatusCode)
	}
	// Output:
	// deployed deis/example-go:latest
	// not deployed: 400
}
