package releases_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/releases"
)

func ExampleService_Rollback() {
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
	for _, tag := range []string{"1.0", "1.1"} {
		if _, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "deis/example-go:" + tag}); err != nil {
			log.Fatal(err)
		}
	}

	version, err := client.Releases.Rollback(ctx, "example-go", 0) // to the one before
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rolled back by v%d\n", version)

	_, err = client.Releases.Rollback(ctx, "example-go", 1)
	fmt.Println("not to the first:", errors.Is(err, releases.ErrInitial))

	for release, err := range client.Releases.All(ctx, "example-go", releases.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("v%d %s\n", release.Version, release.Summary)
	}
	// Output:
	// rolled back by v4
	// not to the first: true
	// v4 admin rolled back to v2
	// v3 admin deployed deis/example-go:1.1
	// v2 admin deployed deis/example-go:1.0
	// v1 admin created initial release
}
