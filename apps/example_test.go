package apps_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

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

	for range 2 {
		app, err := client.Apps.Create(ctx, apps.CreateParams{ID: "example-go"})
		switch {
		case errors.Is(err, apps.ErrExists):
			fmt.Println("exists already")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(app.ID, "belongs to", app.Owner)
		}
	}
	// Output:
	// example-go belongs to admin
	// exists already
}

func ExampleService_All() {
	ctx := context.Background()
	srv := deistest.NewServer()
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"blog", "shop", "wiki"} {
		if _, err := client.Apps.Create(ctx, apps.CreateParams{ID: id}); err != nil {
			log.Fatal(err)
		}
	}

	for app, err := range client.Apps.All(ctx, apps.ListOptions{PageSize: 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(app.ID)
	}
	// Output:
	// blog
	// shop
	// wiki
}

func ExampleService_Run() {
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

	result, err := client.Apps.Run(ctx, "example-go", "echo migrating; exit 3")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(result.Output)
	fmt.Println("exit code", result.ExitCode)
	// Output:
	// migrating
	// exit code 3
}

func ExampleService_Logs() {
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
	if err := srv.Controller.AddLog("example-go", "2026-01-02T15:04:05UTC example-go[web.1]: listening on 5000"); err != nil {
		log.Fatal(err)
	}

	lines, err := client.Apps.Logs(ctx, "example-go", apps.LogOptions{Lines: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(lines)
	// Output:
	// 2026-01-02T15:04:05UTC example-go[web.1]: listening on 5000
}

func ExampleService_Follow() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	srv := deistest.NewServer(deistest.WithApp("example-go", "admin"))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}
	write := func(line string) {
		if err := srv.Controller.AddLog("example-go", line); err != nil {
			log.Fatal(err)
		}
	}
	if err := srv.Controller.ClearLogs("example-go"); err != nil {
		log.Fatal(err)
	}
	write("example-go[web.1]: starting")
	time.AfterFunc(50*time.Millisecond, func() { write("example-go[web.1]: listening on 5000") })

	for line, err := range client.Apps.Follow(ctx, "example-go", apps.FollowOptions{Interval: 10 * time.Millisecond}) {
		switch {
		case errors.Is(err, apps.ErrGap):
			fmt.Println("lines may be missing")
			continue
		case err != nil:
			log.Fatal(err)
		}
		fmt.Println(line)
		if strings.HasSuffix(line, "listening on 5000") {
			break
		}
	}
	// Output:
	// example-go[web.1]: starting
	// example-go[web.1]: listening on 5000
}
