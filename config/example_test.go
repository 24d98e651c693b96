package config_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
)

func ExampleService_SetValues() {
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

	for range 2 {
		_, err := client.Config.SetValues(ctx, "example-go", map[string]string{"PLATFORM": "deis", "LOG_LEVEL": "debug"})
		switch {
		case errors.Is(err, config.ErrUnchanged):
			fmt.Println("has these values already")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("set")
		}
	}

	changed, err := client.Config.Unset(ctx, "example-go", []string{"LOG_LEVEL"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed.Values)
	// Output:
	// set
	// has these values already
	// map[PLATFORM:deis]
}

func ExampleService_Set() {
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

	platform, memory := "deis", "512M"
	changed, err := client.Config.Set(ctx, "example-go", config.Changes{
		Values: map[string]*string{"PLATFORM": &platform},
		Memory: map[string]*string{"web": &memory},
		Healthcheck: map[string]config.Healthcheck{"web": {
			config.ReadinessProbe: {HTTPGet: &config.HTTPGet{Path: "/healthz", Port: 5000}},
		}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed.Memory["web"], changed.Healthcheck["web"][config.ReadinessProbe].HTTPGet.Path)
	fmt.Println(changed) // shows no values
	// Output:
	// 512M /healthz
	// {App:example-go Release:0 Values:[PLATFORM]}
}
