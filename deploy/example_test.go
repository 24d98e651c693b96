package deploy_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/config"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/deploy"
)

func Example() {
	server := deistest.NewServer() // a Controller in memory
	defer server.Close()
	client, err := deis.New(server.URL, deis.WithToken(server.Token))
	if err != nil {
		log.Fatal(err)
	}
	greeting := "hello"
	result, err := deploy.Run(context.Background(), client, deploy.Plan{
		App:      "example-go",
		Create:   true,
		Image:    "deis/example-go:v1",
		Procfile: map[string]string{"web": "example-go"},
		Config:   config.Changes{Values: map[string]*string{"GREETING": &greeting}},
		Scale:    map[string]int{"web": 2},
		Rollback: true,
		Progress: func(e deploy.Event) { fmt.Printf("%s: %s\n", e.Step, e.Message) },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("release v%d runs %d pods\n", result.Release, len(result.Pods))
	// Output:
	// create: creating app example-go
	// create: created app example-go
	// config: changing GREETING
	// config: changed GREETING
	// build: deploying deis/example-go:v1
	// build: deployed deis/example-go:v1
	// scale: scaling to cmd=0 web=2
	// scale: scaled to cmd=0 web=2
	// wait: 2 of 2 pods up
	// release v3 runs 2 pods
}
