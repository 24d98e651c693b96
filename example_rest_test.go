package deis_test

import (
	"context"
	"fmt"
	"log"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/rest"
)

// A resource that the SDK does not have is one line away: it gets the same checks, retries and errors as all others.
func ExampleClient_REST() {
	ctx := context.Background()
	// App settings are in no API document. The Controller in memory does not have them either: it is told its answer.
	srv := deistest.NewServer(deistest.WithFault(deistest.Fault{
		Method: "GET", Path: "/v2/apps/example-go/settings/", Status: 200, Body: `{"maintenance": false, "routable": true}`,
	}))
	defer srv.Close()
	client, err := deis.New(srv.URL, deis.WithToken(srv.Token))
	if err != nil {
		log.Fatal(err)
	}

	type Settings struct {
		Maintenance bool `json:"maintenance"`
		Routable    bool `json:"routable"`
	}
	settings, err := rest.Get[Settings](ctx, client.REST(), rest.Path("apps", "example-go", "settings"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", *settings)

	_, err = rest.Get[Settings](ctx, client.REST(), rest.Path("apps", "../admin", "settings"))
	fmt.Println(err)
	// Output:
	// {Maintenance:false Routable:true}
	// deis: invalid argument: app "../admin" may contain only a-z, 0-9 and -
}
