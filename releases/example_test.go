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
	"github.com/deisgo/deis/version"
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

	version, err := client.Releases.Rollback(ctx, "example-go", 0) // undoes the newest
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("rolled back in v%d\n", version)

	_, err = client.Releases.Rollback(ctx, "example-go", 1)
	fmt.Println("initial release:", errors.Is(err, releases.ErrInitial))

	for release, err := range client.Releases.All(ctx, "example-go", releases.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("v%d %s\n", release.Version, release.Summary)
	}
	// Output:
	// rolled back in v4
	// initial release: true
	// v4 admin rolled back to v2
	// v3 admin deployed deis/example-go:1.1
	// v2 admin deployed deis/example-go:1.0
	// v1 admin created initial release
}

func ExampleService_Current() {
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
	procfile := map[string]string{"web": "./serve"}
	for _, image := range []string{"deis/example-go:v1", "nonexistent/app:v9"} { // the second fails
		_, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{Image: image, Procfile: procfile})
		fmt.Println(image, "deployed:", err == nil)
	}

	newest, err := client.Releases.Get(ctx, "example-go", 3)
	if err != nil {
		log.Fatal(err)
	}
	current, err := client.Releases.Current(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("v%d failed: %v; current: v%d\n", newest.Version, newest.Failed, current.Version)
	// Output:
	// deis/example-go:v1 deployed: true
	// nonexistent/app:v9 deployed: false
	// v3 failed: true; current: v2
}
