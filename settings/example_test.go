package settings_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/settings"
	"github.com/deisgo/deis/version"
)

func ExampleService_Set() {
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

	on := true
	for range 2 {
		changed, err := client.Settings.Set(ctx, "example-go", settings.Changes{
			Maintenance: &on,
			Autoscale:   map[string]*settings.Autoscale{"web": {Min: 2, Max: 8, CPUPercent: 60}},
		})
		switch {
		case errors.Is(err, settings.ErrUnchanged):
			fmt.Println("has these settings already")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("maintenance:", changed.Maintenance, "web:", changed.Autoscale["web"])
		}
	}
	// Output:
	// maintenance: true web: {2 8 60}
	// has these settings already
}

func ExampleService_Allow() {
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

	if err := client.Settings.Allow(ctx, "example-go", []string{"10.0.0.0/8", "192.0.2.7"}); err != nil {
		log.Fatal(err)
	}
	if err := client.Settings.Disallow(ctx, "example-go", []string{"192.0.2.7"}); err != nil {
		log.Fatal(err)
	}
	addresses, err := client.Settings.Whitelist(ctx, "example-go")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(addresses)
	// Output: [10.0.0.0/8]
}
