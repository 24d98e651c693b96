package pods_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
)

func ExampleService_Scale() {
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
	_, err = client.Builds.Create(ctx, "example-go", builds.CreateParams{
		Image: "deis/example-go:latest", Procfile: map[string]string{"web": "./server", "worker": "./worker"},
	})
	if err != nil {
		log.Fatal(err)
	}

	// An app's first build starts a "cmd".
	if err := client.Pods.Scale(ctx, "example-go", map[string]int{"web": 2, "worker": 1, "cmd": 0}); err != nil {
		log.Fatal(err)
	}
	for pod, err := range client.Pods.All(ctx, "example-go", pods.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(pod.Type, pod.State, pod.Release)
	}
	// Unordered output:
	// web up v2
	// web up v2
	// worker up v2
}

func ExampleService_Restart() {
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
	if _, err := client.Builds.Create(ctx, "example-go", builds.CreateParams{Image: "deis/example-go:latest"}); err != nil {
		log.Fatal(err)
	}

	page, err := client.Pods.List(ctx, "example-go", pods.ListOptions{Type: "cmd"})
	if err != nil {
		log.Fatal(err)
	}
	restarted, err := client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Name: page.Items[0].Name})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("restarted", len(restarted))

	_, err = client.Pods.Restart(ctx, "example-go", pods.RestartOptions{Type: "web"})
	fmt.Println("no web:", errors.Is(err, pods.ErrNothingRestarted))
	// Output:
	// restarted 1
	// no web: true
}

func ExampleService_WaitReady() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	srv := deistest.NewServer(deistest.WithApp("example-go", "admin"), deistest.WithStartDelay(50*time.Millisecond))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Builds.Create(ctx, "example-go", builds.CreateParams{
		Image: "deis/example-go:latest", Procfile: map[string]string{"web": "./server"},
	})
	if err != nil {
		log.Fatal(err)
	}

	want := map[string]int{"web": 2, "cmd": 0}
	if err := client.Pods.Scale(ctx, "example-go", want); err != nil {
		log.Fatal(err)
	}
	ready, err := client.Pods.WaitReady(ctx, "example-go", pods.WaitOptions{Want: want, Interval: 10 * time.Millisecond})
	switch {
	case errors.Is(err, pods.ErrCrashed):
		fmt.Println("roll back:", err)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(pods.Describe(ready, want))
	}
	// Output:
	// cmd 0 of 0 up, web 2 of 2 up
}
