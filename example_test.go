package deis_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/apps"
	"github.com/deisgo/deis/builds"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/pods"
)

func Example() {
	ctx := context.Background()
	srv := deistest.NewServer() // a Controller in memory
	defer srv.Close()

	client, err := deis.Login(ctx, srv.URL, srv.Username, srv.Password)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.Config.SetValues(ctx, "example-go", map[string]string{"PLATFORM": "deis"}); err != nil {
		log.Fatal(err)
	}
	_, err = client.Builds.Create(ctx, "example-go", builds.CreateParams{
		Image: "deis/example-go:latest", Procfile: map[string]string{"web": "./server"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Pods.Scale(ctx, "example-go", map[string]int{"web": 2, "cmd": 0}); err != nil {
		log.Fatal(err)
	}
	for pod, err := range client.Pods.All(ctx, "example-go", pods.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(pod.Type, pod.State, pod.Release)
	}
	// Output:
	// web up v3
	// web up v3
}

// Match an error by its reason or its status, or get its parts.
func Example_errors() {
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

	_, err = client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
	fmt.Println(errors.Is(err, apps.ErrExists), err)

	_, err = client.Apps.Get(ctx, "nosuch")
	fmt.Println(errors.Is(err, deis.ErrNotFound), err)

	err = client.Apps.Delete(ctx, "example-go_staging") // an older Controller would destroy example-go, so nothing is sent
	fmt.Println(errors.Is(err, deis.ErrInvalidArgument), err)

	_, err = client.Apps.Create(ctx, apps.CreateParams{ID: "a-name-that-is-much-too-long"})
	var failed *deis.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.StatusCode, failed.Fields["id"])
	}
	// Output:
	// true deis: POST /v2/apps/: 400 Bad Request: id: Application with this id already exists.
	// true deis: GET /v2/apps/nosuch/: 404 Not Found: Not found.
	// true deis: invalid argument: app "example-go_staging" may contain only a-z, 0-9 and -
	// 400 [Ensure this field has no more than 24 characters.]
}

func ExampleCollect() {
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

	all, err := deis.Collect(client.Apps.All(ctx, apps.ListOptions{}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(all), all[0].ID)
	// Output: 1 example-go
}

func ExampleWithResponse() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	var resp deis.Response
	if _, err := client.Apps.List(ctx, apps.ListOptions{}, deis.WithResponse(&resp)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Status, resp.API, resp.Attempts)
	// Output: 200 2.2 1
}
