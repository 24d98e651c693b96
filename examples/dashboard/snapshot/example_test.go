package snapshot_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/deisgo/deis"
	"github.com/deisgo/deis/deistest"
	"github.com/deisgo/deis/examples/dashboard/snapshot"
)

func Example() {
	server := deistest.NewServer(deistest.WithApp("blog", ""), deistest.WithApp("shop", ""))
	defer server.Close()

	budget := snapshot.NewBudget(100) // requests a second; two are enough for a real Controller
	client, err := deis.New(server.URL, deis.WithToken(server.Token),
		deis.WithTransport(budget.Transport(http.DefaultTransport)), deis.WithRetry(deis.RetryPolicy{}))
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	reader := snapshot.NewReader(client, snapshot.Options{})
	go reader.Run(ctx)

	for !reader.Look().Complete() { // a page would show what is known, and refresh
		time.Sleep(10 * time.Millisecond)
	}
	for _, app := range reader.Look().Apps {
		fmt.Printf("%s runs release v%d\n", app.ID, app.Release.Version)
	}
	// Output:
	// blog runs release v1
	// shop runs release v1
}
