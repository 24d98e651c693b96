package deis_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/rest"
)

// A resource that the SDK does not have takes one line, and gets the same checks, retries and errors as all others.
func ExampleClient_REST() {
	ctx := context.Background()
	// No Controller has widgets, so the one in memory gets a prepared response.
	srv := deistest.NewServer(deistest.WithFault(deistest.Fault{
		Method: "GET", Path: "/v2/widgets/7/", Status: 200, Body: `{"id": "7", "color": "red"}`,
	}))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	type Widget struct {
		ID    string `json:"id" deis:"widgets"` // must equal the one in the path
		Color string `json:"color"`
	}
	widget, err := rest.Get[Widget](ctx, client.REST(), rest.Path("widgets", "7"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", *widget)

	_, err = rest.Get[Widget](ctx, client.REST(), rest.Path("apps", "../admin", "widgets"))
	fmt.Println(err)
	// Output:
	// {ID:7 Color:red}
	// deis: invalid argument: app "../admin" may contain only a-z, 0-9 and -
}
